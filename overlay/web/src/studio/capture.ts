/** Camera, screen and microphone, through `navigator.mediaDevices` alone. */

export type Source = 'camera' | 'screen';

export interface Choice {
  readonly source: Source;
  /** A device id, or an empty string for the browser's default. */
  readonly camera: string;
  readonly microphone: string;
}

export interface Devices {
  readonly cameras: readonly MediaDeviceInfo[];
  readonly microphones: readonly MediaDeviceInfo[];
}

export type CaptureProblem = 'insecure' | 'denied' | 'no-device' | 'in-use' | 'capture';

export class CaptureError extends Error {
  constructor(readonly problem: CaptureProblem) {
    super(problem);
    this.name = 'CaptureError';
  }
}

type CaptureDevices = Pick<MediaDevices, 'getUserMedia' | 'getDisplayMedia' | 'enumerateDevices'>;

const FRAMES_PER_S = 30;

/**
 * `devices` is `navigator.mediaDevices`. Rejects with `CaptureError`.
 * The stream may lack sound where there is no microphone at all.
 */
export async function capture(
  choice: Choice,
  devices: CaptureDevices | undefined,
): Promise<MediaStream> {
  // Browsers hide `mediaDevices` from pages that are not secure.
  if (!devices) throw new CaptureError('insecure');
  try {
    return choice.source === 'camera'
      ? await fromCamera(choice, devices)
      : await fromScreen(choice, devices);
  } catch (error) {
    throw new CaptureError(problemOf(error));
  }
}

export async function listDevices(devices: CaptureDevices | undefined): Promise<Devices> {
  const all = (await devices?.enumerateDevices?.().catch(() => [])) ?? [];
  // Before permission is given, devices come without ids and cannot be chosen.
  const usable = all.filter(({ deviceId }) => deviceId !== '' && deviceId !== 'default');
  return {
    cameras: usable.filter(({ kind }) => kind === 'videoinput'),
    microphones: usable.filter(({ kind }) => kind === 'audioinput'),
  };
}

export function stopStream(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

async function fromCamera(choice: Choice, devices: CaptureDevices): Promise<MediaStream> {
  const video: MediaTrackConstraints = {
    width: { ideal: 1280 },
    height: { ideal: 720 },
    frameRate: { ideal: FRAMES_PER_S },
    ...(choice.camera ? { deviceId: { exact: choice.camera } } : {}),
  };
  try {
    return await devices.getUserMedia({ video, audio: audioOf(choice) });
  } catch (error) {
    if (choice.microphone || problemOf(error) !== 'no-device') throw error;
    return devices.getUserMedia({ video });
  }
}

async function fromScreen(choice: Choice, devices: CaptureDevices): Promise<MediaStream> {
  const stream = await devices.getDisplayMedia({
    video: {
      width: { max: 1920 },
      height: { max: 1080 },
      frameRate: { ideal: FRAMES_PER_S, max: FRAMES_PER_S },
    },
  });
  try {
    const voice = await devices.getUserMedia({ audio: audioOf(choice) });
    for (const track of voice.getAudioTracks()) stream.addTrack(track);
  } catch (error) {
    if (choice.microphone || problemOf(error) !== 'no-device') {
      stopStream(stream);
      throw error;
    }
  }
  return stream;
}

function audioOf({ microphone }: Choice): MediaTrackConstraints | true {
  return microphone ? { deviceId: { exact: microphone } } : true;
}

function problemOf(error: unknown): CaptureProblem {
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'no-device';
    case 'NotReadableError':
    case 'AbortError':
      return 'in-use';
    default:
      return 'capture';
  }
}
