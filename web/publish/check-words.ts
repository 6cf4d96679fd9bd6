import type { CheckStep, ConnectionReport, StepState } from '../lib/check.ts';
import type { HealthLight } from '../lib/diagnosis.ts';
import { explainFailure } from './describe.ts';
import { bitsLabel } from './health-words.ts';
import { t } from './text.ts';

export const STEPS: readonly CheckStep[] = ['server', 'udp', 'tcp', 'upload'];

/** What came of one step. */
export function stepWords(step: CheckStep, report: ConnectionReport): string {
  const { state } = report[step];
  const { roundTrip } = report.server;
  const { bitrate } = report.upload;
  if (step === 'server' && state === 'ok' && roundTrip !== undefined) {
    return t('check.roundTrip', { milliseconds: Math.round(roundTrip) });
  }
  if (step === 'upload' && bitrate !== undefined && (state === 'ok' || state === 'running')) {
    return t('check.atLeast', { bitrate: bitsLabel(bitrate) });
  }
  return t(`check.${state}`);
}

type Advice = { light: HealthLight; text: string };

/** What follows from it: what fails first explains what comes after. `needed`: in bit/s. */
export function advice(report: ConnectionReport, needed: number, stream: string): Advice {
  const { server, udp, tcp, upload, refusal } = report;
  if (server.state !== 'ok') {
    return { light: 'red', text: t(server.http ? 'check.noSocket' : 'check.noServer') };
  }
  if (refusal) {
    const { title, text } = explainFailure(refusal, stream);
    return { light: 'red', text: `${title}. ${text}` };
  }
  const relayed = upload.path === 'relay';
  if (lacks(udp.state) && lacks(tcp.state) && !relayed) return { light: 'red', text: t('check.noMedia') };
  if (upload.state !== 'ok' || upload.bitrate === undefined) {
    return { light: 'amber', text: t('check.noUpload') };
  }
  if (upload.bitrate < needed) {
    const bitrates = { has: bitsLabel(upload.bitrate), needs: bitsLabel(needed) };
    return { light: 'amber', text: t('check.slowUpload', bitrates) };
  }
  if (relayed) return { light: 'amber', text: t('check.relay') };
  if (udp.state === 'failed') return { light: 'amber', text: t('check.noUdp') };
  return { light: 'green', text: t('check.fine') };
}

function lacks(state: StepState): boolean {
  return state === 'failed' || state === 'off';
}
