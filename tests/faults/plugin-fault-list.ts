import type { Fault } from './fault.ts';
import { pluginFault } from './plugin-faults.ts';

const refused = '503 PLUGIN_UNAVAILABLE';
const restarted = (fault: string) => `\`active\`, started again, \`${fault}\``;
const goesOn = (...faults: string[]) =>
  ['`active`, its process goes on', ...faults.map((fault) => `\`${fault}\``)].join(', ');

/** Every fault of a plugin that the documentation has a row for. */
export const pluginFaults: readonly Fault[] = [
  pluginFault({
    what: 'it crashes once',
    plugin: { onRequest: 'process.exit(3);' },
    expected: { open: '200', closed: refused, afterwards: '`active`, started again' },
  }),
  pluginFault({
    what: 'it crashes five times within ten minutes',
    plugin: { onRequest: 'process.exit(3);' },
    times: 5,
    expected: {
      open: '200',
      closed: refused,
      afterwards: '`error`: "It crashed 5 times within 10 minutes …"',
    },
  }),
  pluginFault({
    what: 'it blocks its event loop',
    plugin: { onRequest: 'for (;;);' },
    timeoutMs: 200,
    expected: { open: '200', closed: refused, afterwards: restarted('UNRESPONSIVE') },
  }),
  pluginFault({
    what: 'its hook never settles, once',
    plugin: { onRequest: 'await new Promise(() => {});' },
    timeoutMs: 200,
    expected: { open: '200', closed: refused, afterwards: goesOn() },
  }),
  pluginFault({
    what: 'its hook never settles, five times in a row',
    plugin: { onRequest: 'await new Promise(() => {});' },
    timeoutMs: 200,
    requests: { count: 5, bytes: 0 },
    expected: { open: '200', closed: refused, afterwards: restarted('UNRESPONSIVE') },
  }),
  pluginFault({
    what: 'its hook throws',
    plugin: { onRequest: `throw new Error('no');` },
    expected: { open: '200', closed: refused, afterwards: goesOn() },
  }),
  pluginFault({
    what: 'it fills its JavaScript heap',
    plugin: { onRequest: 'const all = []; for (;;) all.push(new Array(1e6).fill(1));' },
    timeoutMs: 20_000,
    expected: { open: '200', closed: refused, afterwards: restarted('MEMORY_LIMIT') },
  }),
  pluginFault({
    what: 'it takes memory beside its heap, more than the machine gives it',
    plugin: { onRequest: 'const all = []; for (;;) all.push(Buffer.alloc(64 << 20, 1));' },
    timeoutMs: 20_000,
    expected: { open: '200', closed: refused, afterwards: goesOn() },
  }),
  pluginFault({
    what: 'it floods its log',
    plugin: { onRequest: `for (let n = 0; n < 5_000; n += 1) console.log('x'.repeat(1_000));` },
    timeoutMs: 20_000,
    expected: { open: '200', closed: '200', afterwards: goesOn('LOG_RATE') },
  }),
  pluginFault({
    what: 'it answers with a frame that cannot be read',
    plugin: { fixture: 'channel-head-not-json' },
    expected: { open: '200', closed: refused, afterwards: restarted('FRAME_MALFORMED') },
  }),
  pluginFault({
    what: 'it answers with a frame that is too large',
    plugin: { fixture: 'channel-oversized-frame' },
    expected: { open: '200', closed: refused, afterwards: restarted('FRAME_SIZE') },
  }),
  pluginFault({
    what: 'it sends an answer that nobody asked for',
    plugin: { fixture: 'channel-unknown-id' },
    expected: { open: '200', closed: refused, afterwards: restarted('FRAME_UNEXPECTED') },
  }),
  pluginFault({
    what: 'it closes its channel',
    plugin: { fixture: 'channel-closed' },
    expected: { open: '200', closed: refused, afterwards: restarted('CHANNEL_CLOSED') },
  }),
  pluginFault({
    what: 'its data folder grows beyond its quota',
    permissions: ['file-write'],
    plugin: {
      onRequest: `const file = fs.openSync(process.env.PLUGIN_DATA_DIR + '/large', 'w');
        for (let n = 0; n < 300; n += 1) fs.writeSync(file, Buffer.alloc(1 << 20, 1));`,
    },
    timeoutMs: 20_000,
    expected: {
      open: '200',
      closed: '200',
      afterwards: '`error`: "Its data folder … holds …", `DATA_QUOTA`',
    },
  }),
  pluginFault({
    what: 'more than 64 calls of it are in flight',
    plugin: { onRequest: 'await new Promise((resolve) => setTimeout(resolve, 500));' },
    timeoutMs: 20_000,
    requests: { count: 70, bytes: 0 },
    expected: { open: '200', closed: `200 or ${refused}`, afterwards: goesOn('CALLS_IN_FLIGHT') },
  }),
  pluginFault({
    what: 'more than 64 MiB of it are in flight',
    plugin: {
      source: 'export const onRequest = () => new Promise((resolve) => setTimeout(resolve, 3_000));',
    },
    timeoutMs: 20_000,
    requests: { count: 3, bytes: 25 * 1024 * 1024 },
    expected: { open: '200', closed: `200 or ${refused}`, afterwards: goesOn('BYTES_IN_FLIGHT') },
  }),
];
