"""A program: a link between two TUN devices that is slow and long, for all that goes over it.

    python3 slow-link.py NAME OTHER RATE DELAY QUEUE

RATE in bit/s each way (0: any), DELAY in ms each way, QUEUE in ms: what would wait longer is lost. Linux's own
netem is not built into every kernel; this is it, as far as it is needed. Prints "ready" when the devices are
there; they are gone when it ends, which is with its standard input.
"""

import collections
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
LARGEST = 65536


def tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


class Way:
    """One direction: packets in the order in which they came, each with the time at which it arrives."""

    def __init__(self, source, target, rate, delay, queue):
        self.source, self.target = source, target
        self.rate, self.delay, self.queue = rate, delay, queue
        self.free_at = 0.0
        self.under_way = collections.deque()

    def take(self):
        while True:
            try:
                packet = os.read(self.source, LARGEST)
            except (BlockingIOError, OSError):
                return
            now = time.monotonic()
            starts = max(now, self.free_at)
            if starts - now > self.queue:
                continue
            self.free_at = starts + (8 * len(packet) / self.rate if self.rate else 0)
            self.under_way.append((self.free_at + self.delay, packet))

    def deliver(self):
        """Returns the seconds until the next is due; None: there is none."""
        while self.under_way:
            due, packet = self.under_way[0]
            left = due - time.monotonic()
            if left > 0:
                return left
            self.under_way.popleft()
            try:
                os.write(self.target, packet)
            except OSError:
                pass  # The device is not up (yet), or full.
        return None


def main(name, other, rate, delay, queue):
    here, there = tun(name), tun(other)
    figures = (float(rate), float(delay) / 1000, float(queue) / 1000)
    ways = {here: Way(here, there, *figures), there: Way(there, here, *figures)}
    print("ready", flush=True)
    while True:
        waits = [wait for wait in (way.deliver() for way in ways.values()) if wait is not None]
        readable, _, _ = select.select([here, there, sys.stdin], [], [], min(waits, default=None))
        for source in readable:
            if source is sys.stdin:
                return
            ways[source].take()


main(*sys.argv[1:])
