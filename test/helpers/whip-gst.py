"""A WHIP publisher for the tests: GStreamer's webrtcbin, another WebRTC stack than all others here.

Prints `READY` when connected. Ends, with a DELETE, when its standard input is closed or at SIGTERM.
Prints `KEYFRAME` for each key frame that the server asks for, and `ERROR ...` before it exits with 1.
"""
import argparse
import signal
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstSdp', '1.0')
gi.require_version('GstWebRTC', '1.0')
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PICTURE = 'videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=640,height=360,framerate=30/1 ! queue'
VIDEO = {
    'H264': 'x264enc speed-preset=veryfast tune=zerolatency key-int-max=60 bitrate=800'
    ' ! video/x-h264,profile=constrained-baseline'
    ' ! rtph264pay config-interval=-1 aggregate-mode=zero-latency'
    ' ! application/x-rtp,media=video,encoding-name=H264,payload=96',
    'VP8': 'vp8enc deadline=1 cpu-used=8 keyframe-max-dist=60 target-bitrate=800000'
    ' ! rtpvp8pay picture-id-mode=15-bit ! application/x-rtp,media=video,encoding-name=VP8,payload=96',
}
SOUND = (
    'audiotestsrc is-live=true freq=440 volume=0.4 ! audio/x-raw,rate=48000,channels=2 ! queue ! opusenc'
    ' ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111'
)


class Publisher:
    def __init__(self, options):
        self.options = options
        self.location = None
        self.posted = False
        self.loop = GLib.MainLoop()
        self.code = 0
        branches = []
        if options.video != 'none':
            branches.append(f'{PICTURE} ! {VIDEO[options.video]} ! webrtc.')
        if not options.silent:
            branches.append(f'{SOUND} ! webrtc.')
        self.pipeline = Gst.parse_launch(
            'webrtcbin name=webrtc bundle-policy=max-bundle ' + ' '.join(branches)
        )
        self.webrtc = self.pipeline.get_by_name('webrtc')
        self.webrtc.connect('on-negotiation-needed', self.on_negotiation_needed)
        self.webrtc.connect('notify::ice-gathering-state', self.on_gathering)
        self.webrtc.connect('notify::connection-state', self.on_connection)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect('message::error', lambda _, message: self.fail(message.parse_error()))
        for pad in self.webrtc.sinkpads:
            pad.add_probe(Gst.PadProbeType.EVENT_UPSTREAM, self.on_upstream_event)

    def run(self):
        threading.Thread(target=self.read_stdin, daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGINT):
            GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, self.loop.quit)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        if self.location:
            self.request(self.location, 'DELETE')
        self.pipeline.set_state(Gst.State.NULL)
        return self.code

    def read_stdin(self):
        while sys.stdin.readline():
            pass
        GLib.idle_add(self.loop.quit)

    def on_upstream_event(self, _pad, info):
        event = info.get_event()
        if event.type == Gst.EventType.CUSTOM_UPSTREAM and event.get_structure().has_name('GstForceKeyUnit'):
            print('KEYFRAME', flush=True)
        return Gst.PadProbeReturn.OK

    def on_negotiation_needed(self, webrtc):
        index = 0
        # A publisher receives nothing (RFC 9725, section 4.2).
        while (transceiver := webrtc.emit('get-transceiver', index)) is not None:
            transceiver.set_property('direction', GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
            index += 1
        webrtc.emit('create-offer', None, Gst.Promise.new_with_change_func(self.on_offer))

    def on_offer(self, promise):
        # The offer lives as long as the reply that it is in.
        reply = promise.get_reply()
        self.webrtc.emit('set-local-description', reply.get_value('offer'), None)

    def on_gathering(self, webrtc, _parameter):
        if webrtc.get_property('ice-gathering-state') == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            GLib.idle_add(self.post)

    def post(self):
        if self.posted:
            return
        self.posted = True
        offer = self.webrtc.get_property('local-description').sdp.as_text()
        try:
            response = self.request(self.options.endpoint, 'POST', offer.encode())
        except urllib.error.HTTPError as error:
            return self.fail(f'{error.code} {error.read().decode()}')
        except OSError as error:
            return self.fail(error)
        self.location = urllib.parse.urljoin(response.url, response.headers['Location'])
        _, answer = GstSdp.SDPMessage.new_from_text(response.read().decode())
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, answer)
        self.webrtc.emit('set-remote-description', description, None)

    def request(self, url, method, body=None):
        request = urllib.request.Request(url, data=body, method=method)
        if body:
            request.add_header('Content-Type', 'application/sdp')
        if self.options.token:
            request.add_header('Authorization', f'Bearer {self.options.token}')
        return urllib.request.urlopen(request, timeout=10)

    def on_connection(self, webrtc, _parameter):
        state = webrtc.get_property('connection-state')
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            print('READY', flush=True)
        elif state == GstWebRTC.WebRTCPeerConnectionState.FAILED:
            GLib.idle_add(self.fail, 'the connection has failed')

    def fail(self, reason):
        print(f'ERROR {reason}', flush=True)
        self.code = 1
        self.loop.quit()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('endpoint')
    parser.add_argument('--token')
    parser.add_argument('--video', choices=[*VIDEO, 'none'], default='H264')
    parser.add_argument('--silent', action='store_true')
    options = parser.parse_args()
    Gst.init(None)
    return Publisher(options).run()


sys.exit(main())
