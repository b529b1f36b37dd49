import react from '@vitejs/plugin-react';
import { defineConfig, type ProxyOptions } from 'vite';

const service = `http://localhost:${process.env['PORT'] ?? '20128'}`;

/**
 * `Origin` is rewritten only where it is Vite's own, so that the service sees its own page;
 * a foreign one passes through and is refused there.
 */
const toService: ProxyOptions = {
  target: service,
  changeOrigin: true,
  configure(proxy) {
    proxy.on('proxyReq', (outgoing, { headers: { origin, host } }) => {
      if (origin === `http://${host}`) outgoing.setHeader('origin', service);
    });
  },
};

export default defineConfig({
  plugins: [react()],
  // Browsers that know light-dark(): its replacement for older ones does not follow Mantine's colour scheme.
  build: { cssTarget: ['chrome123', 'firefox120', 'safari17.5'] },
  server: {
    proxy: {
      '/trpc': toService,
      '/api': toService,
      '/plugin.schema.json': toService,
    },
  },
});
