"""A camera for the tests: GStreamer's RTSP server.

Prints `listening <port>` when it takes connections. Lines on its standard input:
`freeze video` and `thaw video` (or audio) stop and resume one track of all clients.
Every client gets a pipeline of its own, which begins with a key frame; with --shared all have one.
"""
import argparse
import sys

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstRtsp', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

# Black and white change places at every full second, when ticks sound.
PICTURE = (
    'videotestsrc is-live=true pattern=ball motion=sweep flip=true'
    ' ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! queue'
)
SOUND = (
    'audiotestsrc is-live=true wave={} freq=440 volume=0.4 samplesperbuffer=480'
    ' ! audio/x-raw,rate=48000 ! valve name=audio ! queue ! audioconvert ! audioresample'
)
X264 = 'x264enc speed-preset=ultrafast tune=zerolatency key-int-max=50 bitrate=500'
# Parameter sets in the SDP alone, as many cameras have them.
PAY264 = 'rtph264pay name=pay0 pt=96 config-interval=0'

VIDEO = {
    'baseline': f'{X264} ! video/x-h264,profile=constrained-baseline ! {PAY264}',
    'high': f'{X264} dct8x8=true ! video/x-h264,profile=high ! {PAY264}',
    # In-band as well.
    'inband': f'{X264} ! h264parse ! video/x-h264,stream-format=byte-stream ! rtph264pay name=pay0 pt=96 config-interval=-1',
    # As one joins a camera amid its pictures: the next key frame comes after seconds.
    'amid': 'x264enc speed-preset=ultrafast tune=zerolatency key-int-max=75 bitrate=500'
    f' ! video/x-h264,profile=main ! identity name=skip drop-probability=1.0 ! {PAY264}',
    'bframes': 'x264enc speed-preset=veryfast bframes=3 b-adapt=false key-int-max=50 bitrate=500'
    f' ! video/x-h264,profile=main ! {PAY264}',
    'h265': 'x265enc speed-preset=ultrafast tune=zerolatency key-int-max=50 bitrate=500 ! rtph265pay name=pay0 pt=96 config-interval=-1',
    'mjpeg': 'jpegenc ! rtpjpegpay name=pay0 pt=26',
}
AUDIO = {
    'aac': 'audio/x-raw,rate=44100,channels=2 ! voaacenc ! rtpmp4gpay name=pay1 pt=97',
    'aac16k': 'audio/x-raw,rate=16000,channels=1 ! voaacenc ! rtpmp4gpay name=pay1 pt=97',
    'pcmu': 'audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1 pt=0',
    'pcma': 'audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8',
    'opus': 'audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay name=pay1 pt=97',
}

valves = {'video': [], 'audio': []}
frozen = {'video': False, 'audio': False}


def pipeline(name, wave):
    """`baseline+aac`, `baseline`, `+opus`"""
    video, _, audio = name.partition('+')
    parts = []
    if video:
        parts.append(f'{PICTURE} ! valve name=video ! {VIDEO[video]}')
    if audio:
        number = 1 if video else 0
        parts.append(f'{SOUND.format(wave)} ! {AUDIO[audio]}'.replace('pay1', f'pay{number}'))
    return f'( {" ".join(parts)} )'


def configured(_factory, media):
    skip = media.get_element().get_by_name('skip')
    if skip:
        GLib.timeout_add(1000, lambda: skip.set_property('drop-probability', 0.0))
    for kind, list_ in valves.items():
        element = media.get_element().get_by_name(kind)
        if element:
            element.set_property('drop', frozen[kind])
            list_.append(element)


def command(channel, _condition):
    line = channel.readline()
    if not line:
        sys.exit(0)
    verb, _, kind = line.strip().partition(' ')
    frozen[kind] = verb == 'freeze'
    for element in valves[kind]:
        element.set_property('drop', frozen[kind])
    return True


def authentication(options):
    auth = GstRtspServer.RTSPAuth()
    if options.certificate:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(options.certificate))
    if options.auth:
        token = GstRtspServer.RTSPToken()
        token.set_string('media.factory.role', 'user')
        if options.auth == 'digest':
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(options.user, options.password, token)
        else:
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
    return auth


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', default='0')
    parser.add_argument('--auth', choices=['basic', 'digest'])
    parser.add_argument('--user', default='user')
    parser.add_argument('--password', default='password')
    parser.add_argument('--certificate', help='PEM file with certificate and key: RTSP over TLS')
    parser.add_argument('--wave', default='sine', help='`ticks`: one a second')
    parser.add_argument('--shared', action='store_true')
    parser.add_argument('paths', nargs='+', help='e.g. baseline+aac')
    options = parser.parse_args()

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address('127.0.0.1')
    server.set_service(options.port)
    if options.auth or options.certificate:
        server.set_auth(authentication(options))
    for path in options.paths:
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(pipeline(path, options.wave))
        factory.set_shared(options.shared)
        factory.connect('media-configure', configured)
        if options.auth or options.certificate:
            role = 'user' if options.auth else 'anonymous'
            access = f'{role},media.factory.access=true,media.factory.construct=true'
            factory.add_role_from_structure(Gst.Structure.new_from_string(access))
        server.get_mount_points().add_factory(f'/{path}', factory)
    if server.attach(None) == 0:
        sys.exit(f'port {options.port} cannot be opened')
    print('listening', server.get_bound_port(), flush=True)
    channel = GLib.IOChannel.unix_new(0)
    GLib.io_add_watch(channel, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, command)
    GLib.MainLoop().run()


main()
