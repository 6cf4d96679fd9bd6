import { Icon } from '../base/icons.tsx';

const MICROPHONE = 'M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3z';
const STAND = 'M5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21';
const CAMERA =
  'M4.5 6.5h9a1.5 1.5 0 0 1 1.5 1.5v8a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 3 16V8a1.5 1.5 0 0 1 1.5-1.5z';
const LENS = 'm15 11 6-3.5v9L15 13z';
const STROKE = 'M3.5 3.5l17 17';

export const MicIcon = () => (
  <Icon>
    <path d={MICROPHONE} fill="currentColor" />
    <path d={STAND} />
  </Icon>
);

export const MicOffIcon = () => (
  <Icon>
    <path d={MICROPHONE} />
    <path d={STAND} />
    <path d={STROKE} />
  </Icon>
);

export const CameraIcon = () => (
  <Icon>
    <path d={CAMERA} fill="currentColor" />
    <path d={LENS} fill="currentColor" />
  </Icon>
);

export const CameraOffIcon = () => (
  <Icon>
    <path d={CAMERA} />
    <path d={LENS} />
    <path d={STROKE} />
  </Icon>
);

export const ScreenIcon = () => (
  <Icon>
    <rect x="3" y="4.5" width="18" height="12" rx="1.5" />
    <path d="M8.5 20h7M12 13.5v-5.5m-2.5 2.5L12 8l2.5 2.5" />
  </Icon>
);

export const SlateIcon = () => (
  <Icon>
    <rect x="3" y="4.5" width="18" height="15" rx="1.5" />
    <circle cx="8.5" cy="9.5" r="1.5" fill="currentColor" />
    <path d="m4 17.5 5-4.5 3.5 3 3.5-4.5 4.5 5" />
  </Icon>
);

export const CornerIcon = () => (
  <Icon>
    <rect x="3" y="4.5" width="18" height="15" rx="1.5" />
    <circle cx="16" cy="12.75" r="1.6" fill="currentColor" />
    <path d="M13 17.5a3 3 0 0 1 6 0" fill="currentColor" />
  </Icon>
);
