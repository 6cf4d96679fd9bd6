import { type Box, contain, cornerBox, type Size } from './scene.ts';

/** A frame or an image with its size: each kind of image names that differently. */
export type Drawable = Size & { image: CanvasImageSource };

export type Painting = {
  main: Drawable | undefined;
  corner: Drawable | undefined;
  card: readonly [string, string];
};

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export function paint(context: Context, size: Size, { main, corner, card }: Painting): void {
  context.fillStyle = '#0b0e10';
  context.fillRect(0, 0, size.width, size.height);
  if (main) draw(context, main, contain(main, size));
  else paintCard(context, size, card);
  if (corner) paintCorner(context, corner, cornerBox(corner, size));
}

function draw(context: Context, { image }: Drawable, { x, y, width, height }: Box): void {
  context.drawImage(image, x, y, width, height);
}

function paintCorner(context: Context, camera: Drawable, box: Box): void {
  context.save();
  context.beginPath();
  context.roundRect(box.x, box.y, box.width, box.height, Math.round(box.height * 0.08));
  context.clip();
  draw(context, camera, box);
  // A camera before a wall of the slides' own colour is told from them.
  context.lineWidth = Math.max(2, box.height * 0.02);
  context.strokeStyle = 'rgb(255 255 255 / 70%)';
  context.stroke();
  context.restore();
}

function paintCard(
  context: Context,
  { width, height }: Size,
  [title, text]: readonly [string, string],
): void {
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const unit = height / 16;
  context.fillStyle = '#e9eef0';
  context.font = `600 ${Math.round(unit * 1.1)}px system-ui, sans-serif`;
  context.fillText(title, width / 2, height / 2 - (text ? unit * 0.8 : 0), width * 0.9);
  context.fillStyle = '#9dabb3';
  context.font = `${Math.round(unit * 0.7)}px system-ui, sans-serif`;
  context.fillText(text, width / 2, height / 2 + unit * 0.8, width * 0.9);
}
