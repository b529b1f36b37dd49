import type { SoakReport } from './soak.ts';

/** The report for whoever reads it. */
export function reportText(report: SoakReport): string {
  const { options, requests, operations, latencyMs, warm, end, memory, anomalies, anomalyCount } = report;
  const list = (counts: Record<string, number>) =>
    Object.entries(counts)
      .map(([what, count]) => `${what}: ${count}`)
      .join(', ');
  return [
    `Seed ${options.seed}, ${options.concurrency} requests in flight, ${seconds(report.durationMs)} s`,
    `Requests     ${list(requests)}`,
    `Operations   ${list(operations)}`,
    `Latency      p50 ${latencyMs.p50.toFixed(1)} ms, p99 ${latencyMs.p99.toFixed(1)} ms, most ${latencyMs.max.toFixed(0)} ms`,
    `Memory       ${mebibytes(warm.rssBytes)} MiB after warm-up, ${mebibytes(memory.middleBytes)} in the middle third, ` +
      `${mebibytes(memory.lastBytes)} in the last, ${mebibytes(end.rssBytes)} at the end: ${memory.isFlat ? 'flat' : 'NOT FLAT'}`,
    `Descriptors  ${warm.descriptors} after warm-up, ${end.descriptors} at the end`,
    `Processes    ${warm.children} after warm-up, ${end.children} at the end`,
    anomalyCount === 0 ? 'Nothing is left unexplained.' : `${anomalyCount} things are not explained:`,
    ...anomalies,
  ].join('\n');
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(1);
}
