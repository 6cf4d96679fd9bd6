import { useMemo, useState } from 'preact/hooks';
import { encode } from 'uqr';
import { t } from './text.ts';

/** Of the copied picture, in pixels of each module. */
const COPY_SCALE = 12;

/** Dark on light in either colour scheme: not every phone reads the reverse. */
export function Qr({ text }: { text: string }) {
  const { data, size } = useMemo(() => encode(text, { ecc: 'M', border: 3 }), [text]);
  const [result, setResult] = useState<'copied' | 'saved' | undefined>();
  const copy = async () => {
    const picture = draw(data, size);
    try {
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]);
      setResult('copied');
    } catch {
      // No clipboard without https://, and none for pictures everywhere.
      save(await picture);
      setResult('saved');
    }
  };
  return (
    <>
      <svg
        id="qr"
        class="qr"
        viewBox={`0 0 ${size} ${size}`}
        role="img"
        aria-label={t('share.qr.name')}
        shape-rendering="crispEdges"
      >
        <rect width={size} height={size} fill="#fff" />
        <path d={modules(data)} fill="#000" />
      </svg>
      <button id="qr-copy" type="button" class="button" onClick={copy}>
        <span aria-live="polite">{t(result ? `share.qr.${result}` : 'share.qr.copy')}</span>
      </button>
    </>
  );
}

function modules(data: readonly (readonly boolean[])[]): string {
  return data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
}

function draw(data: readonly (readonly boolean[])[], size: number): Promise<Blob> {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size * COPY_SCALE;
  const context = canvas.getContext('2d');
  context?.scale(COPY_SCALE, COPY_SCALE);
  for (const [y, row] of data.entries()) {
    for (const [x, dark] of row.entries()) {
      if (!context) continue;
      context.fillStyle = dark ? '#000' : '#fff';
      context.fillRect(x, y, 1, 1);
    }
  }
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture could not be made.'))));
  });
}

function save(picture: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(picture);
  link.download = 'watch-link.png';
  link.click();
  URL.revokeObjectURL(link.href);
}
