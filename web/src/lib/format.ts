const dateTime = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'medium',
  timeStyle: 'short',
});
const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

const wholeNumber = new Intl.NumberFormat();
const shortNumber = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });

/** Digits grouped; from a million on shortened, such as `1.2M`. */
export function formatNumber(value: number): string {
  return value < 1_000_000 ? wholeNumber.format(value) : shortNumber.format(value);
}

/** A measured time to two digits, such as `0.4 ms`, `23 ms` or `1.2 s`; a dash for none. */
export function formatLatency(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 0.1) return '< 0.1 ms';
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  return ms < 999.5 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** An ISO 8601 time as the reader's date and time. */
export function formatDateTime(iso: string): string {
  return dateTime.format(new Date(iso));
}

/** An ISO 8601 time as the reader's hours, minutes and seconds. */
export function formatClock(iso: string): string {
  return clock.format(new Date(iso));
}

/** Its two largest units, such as `3 h 12 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const units = [
    { size: 86_400, name: 'd' },
    { size: 3_600, name: 'h' },
    { size: 60, name: 'min' },
    { size: 1, name: 's' },
  ];
  const first = units.findIndex(({ size }) => seconds >= size);
  if (first === -1) return '0 s';
  return units
    .slice(first, first + 2)
    .map(({ size, name }, index) => ({
      amount: Math.floor((index === 0 ? seconds : seconds % (units[first]?.size ?? 1)) / size),
      name,
    }))
    .filter(({ amount }, index) => index === 0 || amount > 0)
    .map(({ amount, name }) => `${amount} ${name}`)
    .join(' ');
}

/** In MiB with one decimal, or KiB below one MiB. */
export function formatBytes(bytes: number): string {
  const mebibytes = bytes / 1024 / 1024;
  return mebibytes >= 1 ? `${mebibytes.toFixed(1)} MiB` : `${Math.ceil(bytes / 1024)} KiB`;
}

/** `1 plugin`, `2 plugins`. */
export function formatCount(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
