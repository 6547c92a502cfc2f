/** How a picture sits in its box: pure geometry. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * `cover` fills the box and crops a little; `contain` shows all of it, centred; `top` is a
 * landscape picture in an upright box: at the top, with room for words and thumbs below.
 */
export type Fit = 'cover' | 'contain' | 'top';

/** An upright picture on an upright phone may lose this share of a side; others only hair lines. */
const UPRIGHT_CROP = 0.3;
const CROP = 0.04;

export function fitFor(box: Size, picture: Size): Fit {
  if (box.width <= 0 || box.height <= 0 || picture.width <= 0 || picture.height <= 0) {
    return 'contain';
  }
  const boxRatio = box.width / box.height;
  const ratio = picture.width / picture.height;
  const cropped = 1 - Math.min(boxRatio / ratio, ratio / boxRatio);
  const uprightBox = boxRatio < 0.9;
  const uprightPicture = ratio < 0.9;
  if (cropped <= (uprightBox && uprightPicture ? UPRIGHT_CROP : CROP)) return 'cover';
  return uprightBox && !uprightPicture ? 'top' : 'contain';
}
