/** A plugin that harms others: the code that runs from its activation on, or at each request that it watches. */
export interface Offender {
  what: string;
  source: string;
  /** It watches requests, off their path. */
  watches?: boolean;
}

const afterActivation = (body: string) => `import * as fs from 'node:fs';
  export function onActivate() { setTimeout(offend, 1); }
  function offend() { ${body} }`;

const writing = (stream: 'stdout' | 'stderr', text: string) =>
  afterActivation(`const text = ${text};
    const flood = () => { while (process.${stream}.write(text)); };
    process.${stream}.on('drain', flood);
    flood();`);

/** Bytes as fast as the channel takes them: \`first\` once, \`more\` without end. */
const sending = (first: string, more: string) =>
  afterActivation(`const send = (bytes) => {
      try { fs.writeSync(3, bytes); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
    };
    send(${first});
    const more = ${more};
    const flood = () => { for (let n = 0; n < 100; n += 1) send(more); setImmediate(flood); };
    flood();`);

export const offenders: readonly Offender[] = [
  { what: 'crashes in a loop', source: afterActivation('process.exit(3);') },
  { what: 'blocks its event loop', source: afterActivation('for (;;);') },
  {
    what: 'never settles',
    watches: true,
    source: 'export const onActivate = () => {}; export const onRequest = () => new Promise(() => {});',
  },
  { what: 'floods stdout', source: writing('stdout', `'x'.repeat(100) + '\\n'`) },
  { what: 'floods stderr with long lines', source: writing('stderr', `'x'.repeat(1_000_000) + '\\n'`) },
  {
    what: 'floods its channel with pieces of a frame',
    // A result with a body of 60 MiB, byte by byte.
    source: sending(`Buffer.from([66, 0, 0, 0, 9, 0, 0, 0, 2, 3, 192, 0, 0, 123, 125])`, `Buffer.from('x')`),
  },
  {
    what: 'floods its channel with garbage',
    source: sending(`Buffer.from('garbage')`, `Buffer.alloc(65_536, 120)`),
  },
  {
    what: 'fills its heap',
    source: afterActivation('const all = []; for (;;) all.push(new Array(1e5).fill(1));'),
  },
  {
    what: 'takes memory beside its heap',
    source: afterActivation('const all = []; setInterval(() => all.push(Buffer.alloc(16 << 20, 1)), 20);'),
  },
  {
    what: 'returns bodies of 31 MiB',
    watches: true,
    source: `const body = { text: 'x'.repeat(31 << 20) };
      export const onActivate = () => {};
      export const onRequest = () => ({ body });`,
  },
  {
    what: 'returns 200 KB of metadata',
    watches: true,
    source: `const metadata = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => ['key-' + n, n]));
      export const onActivate = () => {};
      export const onRequest = () => ({ metadata });`,
  },
];
