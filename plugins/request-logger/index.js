const levels = ['debug', 'info', 'warn', 'error'];

export function onRequest(ctx) {
  const { method, path, model, provider, stream } = ctx;
  write(ctx, 'info', 'request', () => ({
    method,
    path,
    model,
    provider,
    stream,
    ...bodyOf(ctx, () => ctx.body),
  }));
  write(ctx, 'debug', 'headers', () => ({ headers: ctx.headers }));
}

export function onResponse(ctx, response) {
  const { status, durationMs, source, streamed } = response;
  write(ctx, status >= 400 ? 'warn' : 'info', 'response', () => {
    return {
      status,
      durationMs,
      source,
      streamed,
      usage: response.usage,
      ...bodyOf(ctx, () => response.data),
    };
  });
}

export function onError(ctx, error) {
  const { code, status, message } = error;
  write(ctx, 'error', 'error', () => ({ code, status, message, ...bodyOf(ctx, () => error.body) }));
}

/** `facts` is asked only for a line that is written: reading a body costs time. */
function write(ctx, level, event, facts) {
  if (levels.indexOf(level) < levels.indexOf(ctx.config.logLevel)) return;
  const line = JSON.stringify({ level, event, requestId: ctx.requestId, ...facts() });
  if (level === 'error') console.error(line);
  else console.log(line);
}

function bodyOf({ config }, read) {
  if (!config.includeBody) return {};
  const text = JSON.stringify(read()) ?? '';
  return { body: text.length > config.maxBodyLength ? `${text.slice(0, config.maxBodyLength)}…` : text };
}
