import { defineConfig, type OxlintOverride } from 'oxlint';

const childProcess = {
  regex: '^(node:)?child_process$',
  message:
    'Processes start and end in plugin-process only, where each gets a deadline, a group kill and an awaited exit.',
};
const kysely = {
  regex: '^kysely(/|$)',
  message: 'Queries live in database/ and *-repository.ts; rows never leave them, so ask a repository.',
};
const trpc = {
  regex: '^@trpc/',
  message: 'tRPC is a skin: only http/ knows it, so that the services work without it.',
};
const environment = {
  regex: '^(node:)?process$',
  importNames: ['env'],
  message: 'Read process.env, and only in config.ts and plugin-process/child-env.ts.',
};
const otherPackages = {
  regex: '^@omniroute/(server|web|tests)(/|$)',
  message: 'The server imports its own files by relative path, and never the web or the tests.',
};

const server = [childProcess, kysely, trpc, environment, otherPackages];
const domain = [
  'auth',
  'settings',
  'outbound',
  'marketplace',
  'analytics',
  'plugin-process',
  'pipeline',
  'plugins',
];
const domainFolders = `server/src/{${domain.join(',')}}`;

/** Forbids imports from the named folders of server/src, and from the composition root. */
function layersAbove(...folders: string[]) {
  const above = ['app\\.ts$', 'main\\.ts$', ...folders.map((folder) => `${folder}/`)];
  return {
    regex: `^\\.{1,2}/(.*/)?(${above.join('|')})`,
    message:
      'Imports point one way (shared ← database ← the domain, in it plugin-process ← pipeline ← plugins ← gateway ← http ← app ← main): take what you need as a parameter.',
  };
}

const webServer = {
  regex: '^@omniroute/(server|tests)(/|$)',
  message: 'The web knows the server only as a type: `import type { AppRouter }`, in web/src/lib.',
};
const webTrpc = {
  regex: '^@trpc/',
  message: 'Only web/src/lib knows tRPC: import the client made there.',
};
const webNode = { regex: '^node:', message: 'The web runs in the browser.' };

const web = [webServer, webTrpc, webNode];

function webLayersAbove(...folders: string[]) {
  return {
    regex: `^\\.{1,2}/(.*/)?(${folders.join('|')})/`,
    message: 'Imports point one way: lib ← components ← features ← app.',
  };
}

/** `up` leads from a file to web/src/features. */
function otherFeatures(up: string) {
  return {
    regex: `^${up.replaceAll('.', '\\.')}[^.]`,
    message: 'A feature never imports another feature: compose them in a route of app/.',
  };
}

interface Pattern {
  regex?: string;
  group?: string[];
  importNames?: string[];
  allowTypeImports?: boolean;
  message: string;
}

// An override replaces the rule's earlier options, so each folder lists everything that it may not import.
function forbid(files: string[], ...patterns: Pattern[]): OxlintOverride {
  return { files, rules: { 'no-restricted-imports': ['error', { patterns }] } };
}

export default defineConfig({
  plugins: ['eslint', 'typescript', 'unicorn', 'oxc', 'import', 'react', 'jsx-a11y', 'vitest'],
  categories: { correctness: 'error' },
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  ignorePatterns: ['tests/fixtures/**', '**/dist/**'],
  rules: {
    eqeqeq: 'error',
    'no-empty': 'error',
    'no-var': 'error',
    'prefer-const': 'error',
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-default-export': 'error',
    'import/no-duplicates': 'error',
    'import/no-self-import': 'error',
    'oxc/no-barrel-file': ['error', { threshold: 0 }],
    'react/rules-of-hooks': 'error',
    'typescript/no-deprecated': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/no-namespace': 'error',
    'typescript/no-unnecessary-type-assertion': 'error',
    'typescript/only-throw-error': 'error',
    'typescript/prefer-promise-reject-errors': 'error',
    'typescript/return-await': ['error', 'in-try-catch'],
    'typescript/switch-exhaustiveness-check': 'error',
    'typescript/use-unknown-in-catch-callback-variable': 'error',
    'unicorn/filename-case': ['error', { case: 'kebabCase' }],
    'jsx-a11y/prefer-tag-over-role': 'off',
    'vitest/expect-expect': 'off',
    'vitest/no-conditional-expect': 'off',
    'vitest/no-conditional-tests': 'off',
    'vitest/no-disabled-tests': 'off',
    'vitest/no-standalone-expect': 'off',
    'vitest/require-to-throw-message': 'off',
  },
  overrides: [
    {
      files: ['shared/src/**/*.ts', 'server/src/**/*.ts', 'web/src/**/*.{ts,tsx}'],
      rules: {
        'typescript/no-non-null-assertion': 'error',
        'typescript/no-unsafe-argument': 'error',
        'typescript/no-unsafe-assignment': 'error',
        'typescript/no-unsafe-call': 'error',
        'typescript/no-unsafe-member-access': 'error',
        'typescript/no-unsafe-return': 'error',
        'typescript/no-unsafe-type-assertion': 'error',
      },
    },
    forbid(['shared/src/**'], {
      group: ['*', '!zod', '!zod/**', '!./**'],
      message:
        'shared runs in the browser and in the server: it imports Zod and its own files, nothing else.',
    }),

    {
      files: ['server/src/**'],
      rules: {
        'no-console': 'error',
        'no-restricted-globals': [
          'error',
          {
            name: 'fetch',
            message: 'Use undici: global fetch costs four times the CPU and escapes the outbound guard.',
          },
        ],
        'no-restricted-properties': [
          'error',
          {
            object: 'process',
            property: 'env',
            message:
              'Only config.ts and plugin-process/child-env.ts read the environment: take a setting as a parameter.',
          },
        ],
      },
    },
    forbid(['server/src/**'], ...server, layersAbove()),
    forbid(
      ['server/src/{config,errors,event-bus,logger,runtime,startup-error}.ts'],
      ...server,
      layersAbove('database', ...domain, 'gateway', 'http'),
    ),
    forbid(
      ['server/src/database/**'],
      ...server.filter((pattern) => pattern !== kysely),
      layersAbove(...domain, 'gateway', 'http'),
    ),
    forbid([`${domainFolders}/**`], ...server, layersAbove('gateway', 'http')),
    forbid(
      [`${domainFolders}/**/*-repository.ts`],
      ...server.filter((pattern) => pattern !== kysely),
      layersAbove('gateway', 'http'),
    ),
    forbid(
      ['server/src/outbound/**'],
      ...server,
      layersAbove(...domain.filter((folder) => folder !== 'outbound'), 'gateway', 'http'),
    ),
    forbid(['server/src/pipeline/**'], ...server, layersAbove('plugins', 'gateway', 'http')),
    forbid(
      ['server/src/plugin-process/**'],
      ...server.filter((pattern) => pattern !== childProcess),
      layersAbove('pipeline', 'plugins', 'gateway', 'http'),
    ),
    forbid(['server/src/plugin-process/child/**'], childProcess, environment, {
      group: ['*', '!node:*', '!node:*/*', '!./*.js'],
      message:
        "The program in a plugin's process is plain JavaScript on node:* only: anything else doubles its start-up.",
    }),
    // The canary tries to start a program, to see that it cannot.
    forbid(['server/src/plugin-process/child/canary.js'], environment),
    forbid(['server/src/gateway/**'], ...server, layersAbove('http')),
    forbid(['server/src/http/**'], ...server.filter((pattern) => pattern !== trpc), layersAbove()),
    forbid(['server/src/main.ts'], ...server, {
      regex: '^\\./.+/',
      message: 'main reads the configuration, creates the app and awaits a signal; app.ts composes the rest.',
    }),
    { files: ['server/src/{main,login-link}.ts'], rules: { 'no-console': 'off' } },
    {
      files: ['server/src/config.ts', 'server/src/plugin-process/{child-env.ts,child/main.js}'],
      rules: { 'no-restricted-properties': 'off' },
    },
    {
      files: ['server/src/plugin-process/child/**'],
      rules: { 'no-console': 'off', 'no-restricted-globals': 'off' },
    },
    { files: ['server/start.js'], rules: { 'no-var': 'off' } },

    {
      files: ['web/src/**'],
      rules: {
        'no-console': 'error',
        'typescript/no-misused-promises': ['error', { checksVoidReturn: false }],
      },
    },
    forbid(['web/src/**'], ...web),
    forbid(
      ['web/src/lib/**'],
      { ...webServer, allowTypeImports: true },
      webNode,
      webLayersAbove('components', 'features', 'app'),
    ),
    forbid(['web/src/components/**'], ...web, webLayersAbove('features', 'app')),
    forbid(['web/src/features/*/*'], ...web, webLayersAbove('features', 'app'), otherFeatures('../')),
    forbid(['web/src/features/*/*/**'], ...web, webLayersAbove('features', 'app'), otherFeatures('../../')),

    { files: ['tests/**'], rules: { 'typescript/unbound-method': 'off' } },
    forbid(['tests/**'], {
      regex: '^(\\.\\./)+(server|shared|web)/',
      message: 'Import our packages by name, as @omniroute/<package>/<file>.',
    }),
    forbid(['plugins/**'], {
      regex: '^@omniroute/',
      allowTypeImports: true,
      message: 'A plugin imports nothing of ours but types.',
    }),
    {
      files: ['*.config.ts', 'web/vite.config.ts', 'tests/helpers/**', 'plugins/**'],
      rules: { 'import/no-default-export': 'off' },
    },
  ],
});
