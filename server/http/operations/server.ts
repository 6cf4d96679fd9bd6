import { z } from 'zod';
import { effectiveConfig, setting } from '../../protocol/live.ts';
import { described, operation } from '../operation.ts';

export const getHealth = operation({
  id: 'getHealth',
  method: 'get',
  path: '/healthz',
  group: 'Server',
  title: 'Whether the server is alive',
  answers: {
    200: { means: 'It is.', schema: z.object({ status: z.literal('ok') }), example: { status: 'ok' } },
  },
  refusals: [],
});

export const getReadiness = operation({
  id: 'getReadiness',
  method: 'get',
  path: '/readyz',
  group: 'Server',
  title: 'Whether the server is fit to take clients',
  answers: {
    200: { means: 'It is.', schema: z.object({ status: z.literal('ready') }), example: { status: 'ready' } },
    503: {
      means: 'Not now: it shuts down, or a media worker is missing.',
      schema: z.object({ status: z.literal('not ready'), reason: z.string() }),
      example: { status: 'not ready', reason: 'shutting down' },
    },
  },
  refusals: [],
});

described('Setting', setting, {
  key: 'As in `config/pharos.yaml`.',
  env: 'The environment variable that sets it.',
  source: 'Where its value comes from.',
  changed: 'Whether it is another than the default.',
  secret: 'A secret’s value is never told.',
  set: 'Whether there is one at all.',
  entries: 'Of a list, how many.',
});

export const getConfig = operation({
  id: 'getConfig',
  method: 'get',
  path: '/api/config',
  group: 'Server',
  title: 'The configuration as it holds',
  need: 'administer',
  answers: {
    200: {
      means: 'Each setting, with where it comes from; no secret is in it.',
      schema: effectiveConfig,
      example: {
        settings: [
          {
            key: 'http.port',
            env: 'PHAROS_HTTP_PORT',
            description: 'TCP port of HTTP and WebSocket; 0 lets the system choose.',
            unit: null,
            secret: false,
            source: { from: 'environment', where: 'PHAROS_HTTP_PORT' },
            changed: true,
            set: true,
            entries: null,
            value: 8080,
          },
        ],
      },
    },
  },
  refusals: [],
});

export const getMetrics = operation({
  id: 'getMetrics',
  method: 'get',
  path: '/metrics',
  group: 'Server',
  title: 'Figures for Prometheus',
  text: 'Without a key on a port of its own, if `metrics.port` is set.',
  need: 'administer',
  answers: { 200: { means: 'In the text format.', type: 'text/plain' } },
  refusals: [],
});

export const getOpenApi = operation({
  id: 'getOpenApi',
  method: 'get',
  path: '/api/openapi.json',
  group: 'Server',
  title: 'This document',
  answers: { 200: { means: 'OpenAPI 3.1.', type: 'application/json' } },
  refusals: [],
});
