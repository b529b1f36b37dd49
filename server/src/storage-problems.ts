const full = 'the disk that holds the data directory is full. Free some space there, and try again.';
const readOnly = 'the data directory cannot be written. Make it and its disk writable, and try again.';
const denied =
  'a file may not be read or written. Check who owns the data directory and the folder of the plugin, and try again.';
const descriptors =
  'the service has no file descriptors left. Raise its limit (`ulimit -n`), and start it again.';
const locked =
  'another program holds the database locked. Close what has omniroute.sqlite open, and try again.';
const damaged =
  'the database omniroute.sqlite is damaged. Stop the service, keep the file, and put a backup in its place.';
const failing = 'the disk that holds the data directory reports errors. Check the disk and its free space.';

/** What an operator can do about a failure of the disk or of the database, by Node's error code or the start of SQLite's. */
export const storageProblems: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', full],
  ['EDQUOT', full],
  ['SQLITE_FULL', full],
  ['EROFS', readOnly],
  ['SQLITE_READONLY', readOnly],
  ['SQLITE_CANTOPEN', readOnly],
  ['EACCES', denied],
  ['EPERM', denied],
  ['SQLITE_PERM', denied],
  ['EMFILE', descriptors],
  ['ENFILE', descriptors],
  ['SQLITE_BUSY', locked],
  ['SQLITE_LOCKED', locked],
  ['SQLITE_CORRUPT', damaged],
  ['SQLITE_NOTADB', damaged],
  ['EIO', failing],
  ['SQLITE_IOERR', failing],
]);
