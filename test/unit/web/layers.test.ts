import { expect, test } from 'vitest';
import type { ConsumerParameters } from '../../../server/protocol/messages.ts';
import type { Conversation } from '../../../web/lib/conversation.ts';
import { LayerChoice } from '../../../web/lib/layers.ts';

/** What a session would be told; a real one takes a WebSocket. */
function session() {
  const asked: unknown[] = [];
  const conversation = {
    request: async (type: string, fields: unknown) => void asked.push({ type, ...(fields as object) }),
  } as unknown as Conversation;
  return { asked, conversation };
}

const video = (layers?: number[]): ConsumerParameters => ({
  ...{ id: 'c', producerId: 'p', kind: 'video', rtpParameters: { codecs: [] } },
  ...(layers && { layers }),
});

test('a wish goes to the session at once, to each that is begun later, and not twice', () => {
  const choice = new LayerChoice(() => {});
  const [first, second, third] = [session(), session(), session()];
  choice.joined(first.conversation);
  expect(first.asked).toEqual([]);
  choice.prefer({ video: true, spatialLayer: 1 });
  choice.prefer({ video: true, spatialLayer: 1 });
  expect(first.asked).toEqual([{ type: 'prefer', video: true, spatialLayer: 1 }]);
  choice.joined(second.conversation);
  expect(second.asked).toEqual([{ type: 'prefer', video: true, spatialLayer: 1 }]);
  choice.prefer({ video: true });
  expect(second.asked).toHaveLength(2);
  choice.joined(third.conversation);
  expect(third.asked).toEqual([]);
});

test('what there is to choose from, and what comes of it', () => {
  const told: unknown[] = [];
  const choice = new LayerChoice((layers) => told.push(layers));
  const { conversation } = session();
  choice.joined(conversation);
  choice.changed(conversation, 2);
  choice.offered([video([4, 2, 1])]);
  choice.changed(conversation, 2);
  choice.changed(session().conversation, 0);
  choice.changed(conversation, null);
  choice.offered([video()]);
  const scales = [4, 2, 1];
  expect(told).toEqual([
    { scales, current: null },
    { scales, current: 2 },
    { scales, current: null },
    undefined,
  ]);
});
