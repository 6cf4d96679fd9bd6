/** An image or a film from disk that is shown instead of the camera. */
export type Slate = {
  name: string;
  picture: ImageBitmap | HTMLVideoElement;
  /** Of a film; an image has none. */
  sound: HTMLMediaElement | undefined;
  close(): void;
};

/** No picture is sent larger than this, and phones' photos are. */
const LARGEST = 1920;

/** Throws where the browser cannot show the file. */
export function openSlate(file: File): Promise<Slate> {
  return file.type.startsWith('video/') ? openFilm(file) : openImage(file);
}

async function openImage(file: File): Promise<Slate> {
  const whole = await createImageBitmap(file);
  const scale = LARGEST / Math.max(whole.width, whole.height);
  const picture =
    scale >= 1
      ? whole
      : await createImageBitmap(whole, {
          resizeWidth: Math.max(1, Math.round(whole.width * scale)),
          resizeHeight: Math.max(1, Math.round(whole.height * scale)),
          resizeQuality: 'high',
        });
  if (picture !== whole) whole.close();
  return { name: file.name, picture, sound: undefined, close: () => picture.close() };
}

async function openFilm(file: File): Promise<Slate> {
  const film = document.createElement('video');
  const url = URL.createObjectURL(file);
  const close = () => {
    film.pause();
    film.removeAttribute('src');
    film.load();
    URL.revokeObjectURL(url);
  };
  film.src = url;
  film.loop = true;
  film.playsInline = true;
  try {
    await film.play();
  } catch (error) {
    close();
    throw error;
  }
  if (film.videoWidth > 0) return { name: file.name, picture: film, sound: film, close };
  close();
  throw new Error('There is no picture in it.');
}
