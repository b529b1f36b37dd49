import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './app.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { takeLoginCode } from '../features/auth/api/take-login-code.ts';
import { cspNonce } from '../lib/csp-nonce.ts';
import { Providers } from './providers.tsx';
import { createAppRouter } from './router.tsx';

declare global {
  /** Where the scroll lock under a modal looks for the nonce of its style element. */
  var __webpack_nonce__: string | undefined;
}
globalThis.__webpack_nonce__ = cspNonce();

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root.');

const router = createAppRouter({ takeLoginCode: takeLoginCode(window) });

createRoot(root).render(
  <StrictMode>
    <Providers router={router} />
  </StrictMode>,
);
