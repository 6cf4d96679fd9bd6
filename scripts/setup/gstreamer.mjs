/** GStreamer with its Python bindings: the cameras and an encoder of the tests. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { outerPath, which } from './paths.mjs';
import { SetupError } from './run.mjs';
import { stamp } from './stamp.mjs';

const NAME = 'gstreamer';
const LIBRARIES = ['Gst', 'GstRtsp', 'GstRtspServer', 'GstSdp', 'GstWebRTC'];
const ELEMENTS = [
  'x264enc',
  'x265enc',
  'voaacenc',
  'opusenc',
  'rtph264pay',
  'rtph265pay',
  'webrtcbin',
  'nicesrc',
];

const CHECK = `
import gi
for name in ${JSON.stringify(LIBRARIES)}:
    gi.require_version(name, '1.0')
from gi.repository import Gst, GstRtspServer, GstWebRTC
Gst.init(None)
missing = [name for name in ${JSON.stringify(ELEMENTS)} if not Gst.ElementFactory.find(name)]
raise SystemExit(len(missing))
`;

/** The system's first: one that was installed beside it (pyenv, conda) seldom has the bindings. */
const pythons = () =>
  ['/usr/bin/python3', which('python3', outerPath())].filter((file) => file && existsSync(file));

function isUsable(python) {
  // The first time, GStreamer looks into all its plugins.
  return spawnSync(python, ['-c', CHECK], { stdio: 'ignore', timeout: 60_000 }).status === 0;
}

/** The Python that setup found to have GStreamer. */
export function findGstreamerPython() {
  const file = stamp.read(NAME);
  if (file && existsSync(file)) return file;
  const found = pythons().find(isUsable);
  if (found) stamp.write(NAME, found);
  return found;
}

/** By the stamp alone: asking Python takes too long at each start. */
const ready = () => {
  const file = stamp.read(NAME);
  return file !== undefined && existsSync(file);
};

export const gstreamer = {
  name: NAME,
  ready,
  async run() {
    if (findGstreamerPython()) return;
    throw new SetupError('GStreamer, which the tests have cameras from, is missing or lacks a part.', {
      advice: `It takes a python3 with PyGObject, the libraries ${LIBRARIES.join(', ')} and the elements ${ELEMENTS.join(', ')}.`,
    });
  },
};

export const gstreamerNeeds = () => (findGstreamerPython() ? [] : ['gstreamer']);
