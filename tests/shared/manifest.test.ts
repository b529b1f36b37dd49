import { hookNames, hookSettingsSchema } from '@omniroute/shared/hook';
import { askedPermissions, declaredHooks, manifestSchema, unknownHooks } from '@omniroute/shared/manifest';
import { permissionSchema } from '@omniroute/shared/permission';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const minimal = { name: 'sample', version: '1.0.0' };

function refusedPaths(manifest: unknown): string[] {
  const parsed = manifestSchema.safeParse(manifest);
  return parsed.success ? [] : parsed.error.issues.map(({ path }) => path.join('.'));
}

test('name and version are enough', () => {
  expect(manifestSchema.parse(minimal)).toEqual({
    ...minimal,
    license: 'MIT',
    main: 'index.js',
    source: 'local',
    tags: [],
    requires: { permissions: [], paths: { read: [], write: [] }, hosts: [], env: [] },
    hooks: {},
    skills: [],
    enabledByDefault: false,
    configSchema: {},
  });
});

test('unknown top-level keys are ignored: plugins for other hosts carry them', () => {
  expect(
    manifestSchema.parse({ ...minimal, permissions: [], $schema: 'x', engines: { node: '>=20' } }),
  ).toEqual(manifestSchema.parse(minimal));
});

const reserved = [
  'scan',
  'marketplace',
  'upload',
  'events',
  'node_modules',
  'constructor',
  'con',
  'nul',
  'aux',
  'prn',
  'com1',
  'lpt9',
];

test.each<[string, unknown[]]>([
  [
    'name',
    [undefined, null, 7, '', 'A', 'a_b', 'a b', 'a/b', '../a', 'é', 'a\n', 'x'.repeat(101), ...reserved],
  ],
  [
    'version',
    [
      undefined,
      1,
      '1',
      '1.0',
      'v1.0.0',
      '1.0.0-beta',
      '1.0.0+build',
      '01.0.0',
      '1.0.0\n',
      ' 1.0.0',
      '1.0.x',
      'latest',
    ],
  ],
  ['description', [null, 7, 'x'.repeat(501)]],
  ['author', [null, { name: 'x' }, 'x'.repeat(201)]],
  ['license', [null, 7, 'x'.repeat(201)]],
  ['main', [null, '', 7, '/etc/passwd', '../index.js', 'a/../../b.js', 'a\\b.js', 'a\0.js', 'x'.repeat(501)]],
  ['source', [null, 'remote', '']],
  ['tags', [null, 'all', {}]],
  ['tags.0', [[7], [null], ['x'.repeat(101)]]],
  ['requires', [null, [], 'network']],
  ['requires.omniroute', [{ omniroute: 7 }, { omniroute: null }]],
  ['hooks', [null, [], 'onRequest']],
  [
    'hooks.onRequest',
    [
      null,
      1,
      'true',
      [],
      { priority: '1' },
      { timeoutMs: 9 },
      { timeoutMs: 60_001 },
      { failure: 'shut' },
      { mode: 'x' },
    ],
  ],
  ['hooks.onTeapot', [true, {}, { enabled: true }]],
  ['skills', [null, {}, 'x']],
  ['skills.0.name', [[{}], [{ name: '' }], [{ name: 7 }]]],
  ['enabledByDefault', [null, 1, 'true']],
  ['configSchema', [null, [], 'x']],
  ['configSchema.key.type', [{}, { type: 'object' }, { type: null }]],
  [
    'configSchema.key.enum',
    [{ type: 'select' }, { type: 'select', enum: [] }, { type: 'string', enum: 'a' }],
  ],
  [
    'configSchema.key.min',
    [
      { type: 'number', min: '0' },
      { type: 'number', min: 2, max: 1 },
    ],
  ],
  [
    'configSchema.key.default',
    [
      { type: 'number', default: 'x' },
      { type: 'number', max: 1, default: 2 },
      { type: 'boolean', default: 0 },
      { type: 'select', enum: ['a'], default: 'b' },
    ],
  ],
  ['configSchema.key.secret', [{ type: 'string', secret: 'yes' }]],
  ['integrity', [null, '', 'sha512-abc', 'sha256-', `sha256-${'A'.repeat(44)}`, `md5-${'A'.repeat(43)}=`]],
])('%s: bad values are refused by that path', (path, values) => {
  const accepted = values.filter((value) => {
    const paths = refusedPaths({ ...minimal, ...at(path, value) });
    return !paths.some((found) => found === path || found.startsWith(`${path}.`));
  });
  expect(accepted).toEqual([]);
});

test.each<[string, unknown[]]>([
  ['permissions', [['root'], ['Network'], [null]]],
  ['paths.read', [['relative'], ['/a/../b'], ['/a\0'], [7]]],
  ['paths.write', [['./here'], ['~root/x']]],
  [
    'hosts',
    [
      [''],
      [7],
      ['x'.repeat(254)],
      ['https://api.example.com'],
      ['api.example.com/v1'],
      ['user@api.example.com'],
      ['api.example.com:'],
      ['.example.com'],
      ['api.example.com.'],
      ['*'],
      ['*.com'],
      ['a.*.com'],
      ['::1'],
    ],
  ],
  [
    'env',
    [
      ['1A'],
      ['A-B'],
      ['A B'],
      [''],
      ['OMNIROUTE_AUTH_TOKEN'],
      ['NODE_OPTIONS'],
      ['LD_PRELOAD'],
      ['ld_preload'],
      ['DYLD_X'],
    ],
  ],
])('requires.%s: bad values are refused by that path', (path, values) => {
  const accepted = values.filter((value) => {
    const manifest = { ...minimal, requires: nest(path.split('.'), value) };
    return !refusedPaths(manifest).includes(`requires.${path}.0`);
  });
  expect(accepted).toEqual([]);
});

test.each([
  ['hooks', { onTeapot: false }],
  ['hooks', { onTeapot: { enabled: false } }],
])('an unknown hook that is off is kept as a warning', (key, value) => {
  const manifest = manifestSchema.parse({ ...minimal, [key]: value });
  expect(unknownHooks(manifest)).toEqual(['onTeapot']);
  expect(declaredHooks(manifest)).toEqual([]);
});

test('file-write implies file-read', () => {
  const manifest = manifestSchema.parse({
    ...minimal,
    requires: { permissions: ['file-write', 'file-write'] },
  });
  expect(askedPermissions(manifest).toSorted()).toEqual(['file-read', 'file-write']);
});

test('no JSON makes the schema throw', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(() => manifestSchema.safeParse(value)).not.toThrow();
    }),
  );
});

const name = fc.stringMatching(/^[a-z][a-z0-9-]{3,40}$/).filter((text) => !reserved.includes(text));
const hookSettings = fc.record(
  {
    enabled: fc.boolean(),
    priority: fc.integer({ min: -1_000, max: 1_000 }),
    timeoutMs: fc.integer({ min: 10, max: 60_000 }),
    failure: fc.constantFrom('open', 'closed'),
    mode: fc.constantFrom('intercept', 'observe'),
  },
  { requiredKeys: [] },
);
const manifests = fc.record(
  {
    name,
    version: fc.tuple(fc.nat(), fc.nat(), fc.nat()).map((parts) => parts.join('.')),
    description: fc.string({ maxLength: 100 }),
    tags: fc.array(fc.string({ maxLength: 20 }), { maxLength: 3 }),
    hooks: fc.dictionary(fc.constantFrom(...hookNames), fc.oneof(fc.boolean(), hookSettings)),
    requires: fc.record({ permissions: fc.subarray([...permissionSchema.options]) }),
    enabledByDefault: fc.boolean(),
    skills: fc.array(fc.record({ name: fc.string({ minLength: 1 }), input: fc.jsonValue() }), {
      maxLength: 2,
    }),
  },
  { requiredKeys: ['name', 'version'] },
);

test('a valid manifest reads back from the database as it went in', () => {
  fc.assert(
    fc.property(manifests, (given) => {
      const parsed = manifestSchema.parse(given);
      expect(manifestSchema.parse(JSON.parse(JSON.stringify(parsed)))).toEqual(
        JSON.parse(JSON.stringify(parsed)),
      );
    }),
  );
});

test('a declared hook has every setting, whether it was true or an object', () => {
  fc.assert(
    fc.property(manifests, (given) => {
      for (const { name: hook, ...settings } of declaredHooks(manifestSchema.parse(given))) {
        expect(hookNames).toContain(hook);
        expect(hookSettingsSchema.safeParse(settings).success).toBe(true);
        expect(settings.timeoutMs).toBeGreaterThanOrEqual(10);
      }
    }),
  );
});

/** `{ [first key of path]: … }` with `value` at the key that the path names; numbers and the last schema key nest inside it. */
function at(path: string, value: unknown): Record<string, unknown> {
  const [first = '', second] = path.split('.');
  if (first === 'configSchema' && second !== undefined) return { configSchema: { key: value } };
  if (first === 'hooks' && second !== undefined) return { hooks: { [second]: value } };
  return { [first]: value };
}

function nest([first = '', ...rest]: string[], value: unknown): Record<string, unknown> {
  return { [first]: rest.length === 0 ? value : nest(rest, value) };
}

test.each([
  'api.example.com',
  'API.example.com:8443',
  '*.example.com',
  '*.example.com:444',
  '10.0.0.5:80',
  '[2001:db8::1]:80',
  'registry',
])('%s is a host to list', (host) => {
  const manifest = manifestSchema.parse({ ...minimal, requires: { hosts: [host] } });
  expect(manifest.requires.hosts).toEqual([host]);
});
