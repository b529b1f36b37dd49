// Old syntax only: an old Node must get as far as the message.
import { fileURLToPath } from 'node:url';

var version = process.versions.node.split('.');
var major = Number(version[0]);
var supported = major > 26 || (major === 26 && Number(version[1]) >= 10);

if (!supported || !process.execve) {
  console.error(
    'OmniRoute needs Node 26.10 or newer on Linux or macOS, and this is ' +
      process.version +
      ' on ' +
      process.platform +
      ': run `npx -y pnpm@12 start`, which brings its own Node.',
  );
  process.exit(1);
}

process.execve(
  process.execPath,
  [process.execPath, '--disable-sigusr1', fileURLToPath(new URL('./src/main.ts', import.meta.url))].concat(
    process.argv.slice(2),
  ),
  process.env,
);
