import { createSocket } from 'node:dgram';
import { promises } from 'node:dns';
import { once } from 'node:events';
import { lookUp, queryDns } from '@omniroute/server/outbound/resolvers';
import { expect, test } from 'vitest';
import { failureOf } from './internet.ts';

type Answer = Buffer[] | 'NXDOMAIN' | 'SERVFAIL' | 'silence';

const codes = { SERVFAIL: 2, NXDOMAIN: 3 };

/** A name server on loopback that answers every question for A with `a`, and for AAAA with `aaaa`. */
async function startNameServer({ a, aaaa }: { a: Answer; aaaa: Answer }) {
  const names: string[] = [];
  const server = createSocket('udp4');
  server.on('message', (query, { port, address }) => {
    const end = query.indexOf(0, 12) + 5;
    const question = query.subarray(12, end);
    const type = question.readUInt16BE(question.length - 4);
    names.push(nameOf(question));
    const answer = type === 28 ? aaaa : a;
    if (answer === 'silence') return;
    const records = typeof answer === 'string' ? [] : answer;
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (typeof answer === 'string' ? codes[answer] : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    const body = records.map((data) => {
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(type, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(60, 6);
      record.writeUInt16BE(data.length, 10);
      return Buffer.concat([record, data]);
    });
    server.send(Buffer.concat([header, question, ...body]), port, address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    names,
    resolve: queryDns(() => {
      const resolver = new promises.Resolver({ timeout: 200, tries: 1 });
      resolver.setServers([`127.0.0.1:${server.address().port}`]);
      return resolver;
    }),
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

function nameOf(question: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; question[at]; at += (question[at] ?? 0) + 1) {
    labels.push(question.toString('latin1', at + 1, at + 1 + (question[at] ?? 0)));
  }
  return labels.join('.');
}

const ipv4 = Buffer.from([140, 82, 112, 3]);
const ipv6 = Buffer.from('26064700470000000000000000001111', 'hex');
const none = new AbortController().signal;

test('a name has all its A and AAAA addresses', async () => {
  await using server = await startNameServer({ a: [ipv4, Buffer.from([10, 0, 0, 1])], aaaa: [ipv6] });
  expect(await server.resolve('registry.example.org', none)).toEqual([
    { address: '140.82.112.3', family: 4 },
    { address: '10.0.0.1', family: 4 },
    { address: '2606:4700:4700::1111', family: 6 },
  ]);
  expect(new Set(server.names)).toEqual(new Set(['registry.example.org']));
});

test.each<[string, Answer, Answer, string[]]>([
  ['there are no AAAA records', [ipv4], [], ['140.82.112.3']],
  ['AAAA queries fail', [ipv4], 'SERVFAIL', ['140.82.112.3']],
  ['AAAA queries are not answered', [ipv4], 'silence', ['140.82.112.3']],
  ['A queries fail', 'SERVFAIL', [ipv6], ['2606:4700:4700::1111']],
])('one kind of address is enough, where %s', async (_, a, aaaa, addresses) => {
  await using server = await startNameServer({ a, aaaa });
  const found = await server.resolve('registry.example.org', none);
  expect(found.map(({ address }) => address)).toEqual(addresses);
});

test.each<Answer>(['NXDOMAIN', 'SERVFAIL', 'silence', []])(
  'a name without an address is an error: %s',
  async (answer) => {
    await using server = await startNameServer({ a: answer, aaaa: answer });
    expect(await failureOf(server.resolve('registry.example.org', none))).toBeInstanceOf(Error);
  },
);

test('a look-up that is given up ends', async () => {
  await using server = await startNameServer({ a: 'silence', aaaa: 'silence' });
  const controller = new AbortController();
  const failing = failureOf(server.resolve('registry.example.org', controller.signal));
  controller.abort();
  expect(await failing).toMatchObject({ code: 'ECANCELLED' });
});

test('a host that the operator let through is looked up in the hosts file, too', async () => {
  const found = await lookUp('localhost', none);
  expect(found.map(({ address }) => address)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^127\.|^::1$/)]),
  );
});
