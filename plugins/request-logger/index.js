const levels = ['debug', 'info', 'warn', 'error'];

export function onRequest(ctx) {
  const { method, path, model, provider, stream } = ctx;
  const facts = { method, path, model, provider, stream, ...bodyOf(ctx.config, () => ctx.body) };
  write(ctx, 'info', 'request', facts);
  write(ctx, 'debug', 'headers', { headers: ctx.headers });
}

export function onResponse(ctx, response) {
  const { status, durationMs, usage, source, streamed } = response;
  const facts = { status, durationMs, source, streamed, usage, ...bodyOf(ctx.config, () => response.data) };
  write(ctx, status >= 400 ? 'warn' : 'info', 'response', facts);
}

export function onError(ctx, error) {
  const { code, status, message } = error;
  write(ctx, 'error', 'error', { code, status, message, ...bodyOf(ctx.config, () => error.body) });
}

function write(ctx, level, event, facts) {
  if (levels.indexOf(level) < levels.indexOf(ctx.config.logLevel)) return;
  const line = JSON.stringify({ level, event, requestId: ctx.requestId, ...facts });
  if (level === 'error') console.error(line);
  else console.log(line);
}

function bodyOf({ includeBody, maxBodyLength }, read) {
  if (!includeBody) return {};
  const text = JSON.stringify(read()) ?? '';
  return { body: text.length > maxBodyLength ? `${text.slice(0, maxBodyLength)}…` : text };
}
