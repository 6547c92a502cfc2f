/** What a viewer's browser remembers between visits. Storage may be forbidden: then nothing. */

const VOLUME_KEY = 'comptoir.volume';

export function loadVolume(): number {
  try {
    const volume = Number(localStorage.getItem(VOLUME_KEY) ?? 1);
    return volume > 0 && volume <= 1 ? volume : 1;
  } catch {
    return 1;
  }
}

export function saveVolume(volume: number): void {
  try {
    localStorage.setItem(VOLUME_KEY, String(volume));
  } catch {
    // A private window without storage: the volume is this visit's only.
  }
}
