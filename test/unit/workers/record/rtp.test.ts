import { describe, expect, test } from 'vitest';
import { senderReport } from '../../../../tools/lib/rtcp.ts';
import { isRtcp, nack, parseRtp, senderReports } from '../../../../workers/ffmpeg/record/rtp.ts';

const header = (first: number, second = 96) => {
  const data = Buffer.alloc(12);
  data[0] = first;
  data[1] = second;
  data.writeUInt16BE(65_535, 2);
  data.writeUInt32BE(0xfffffff0, 4);
  data.writeUInt32BE(0xdeadbeef, 8);
  return data;
};

describe('an RTP packet', () => {
  test('is read', () => {
    expect(parseRtp(Buffer.concat([header(0x80, 0x80 | 96), Buffer.from('media')]))).toEqual({
      ...{ ssrc: 0xdeadbeef, sequence: 65_535, timestamp: 0xfffffff0, marker: true },
      payload: Buffer.from('media'),
    });
  });

  test('without contributing sources, extensions and padding', () => {
    const extension = Buffer.from([0xbe, 0xde, 0, 1, 0x40, 0x03, 0, 0]);
    const data = Buffer.concat([header(0xb1), Buffer.alloc(4), extension, Buffer.from('media\0\0\x03')]);
    expect(parseRtp(data, 4)).toMatchObject({ payload: Buffer.from('media'), rotation: 270, marker: false });
    expect(parseRtp(data, 5)).not.toHaveProperty('rotation');
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['too short', header(0x80).subarray(0, 11)],
    ['another version', header(0x40)],
    ['an extension beyond the end', Buffer.concat([header(0x90), Buffer.from([0xbe, 0xde, 0xff, 0xff])])],
    ['half an extension', Buffer.concat([header(0x90), Buffer.from([0xbe])])],
    ['more padding than there is', Buffer.concat([header(0xa0), Buffer.from([200])])],
    ['sources beyond the end', header(0x8f)],
  ])('%s is none', (_name, data) => {
    expect(parseRtp(data, 1)).toBeUndefined();
  });
});

describe('RTCP', () => {
  test('is told from RTP', () => {
    expect(isRtcp(Buffer.from([0x80, 200]))).toBe(true);
    expect(isRtcp(header(0x80, 0x80 | 96))).toBe(false);
  });

  test('sender reports are found in compound packets', () => {
    const sent = { ssrc: 7, cname: 'somebody', packets: 1, octets: 2 };
    const time = Date.UTC(2026, 10, 21) + 0.25;
    const compound = Buffer.concat([
      senderReport(sent, time, 1234),
      senderReport({ ...sent, ssrc: 8 }, time, 5),
    ]);
    const reports = senderReports(compound);
    expect(reports.map(({ ssrc, timestamp }) => [ssrc, timestamp])).toEqual([
      [7, 1234],
      [8, 5],
    ]);
    expect((reports[0]?.time ?? 0) - 2_208_988_800_000).toBeCloseTo(time, 2);
    expect(senderReports(compound.subarray(0, 27))).toEqual([]);
  });

  test('what is missing is asked for, sixteen in one after the first', () => {
    const packet = nack(0xdeadbeef, [65_535, 0, 15, 16, 200]);
    expect(packet.readUInt16BE(2)).toBe(packet.length / 4 - 1);
    expect(packet.subarray(8).toString('hex')).toBe('deadbeef' + 'ffff8001' + '00100000' + '00c80000');
  });
});
