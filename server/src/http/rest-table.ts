import type { ProcedurePath } from './procedures.ts';

export interface RestRoute {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  procedure: ProcedurePath;
  status: 200 | 201;
}

/** REST is this table over the procedures: a GET reads a query, everything else calls a mutation. */
export const restRoutes: readonly RestRoute[] = [
  { method: 'GET', path: '/api/plugins', procedure: 'plugins.list', status: 200 },
  { method: 'POST', path: '/api/plugins', procedure: 'plugins.install', status: 201 },
  { method: 'POST', path: '/api/plugins/scan', procedure: 'plugins.scan', status: 200 },
  { method: 'GET', path: '/api/plugins/marketplace', procedure: 'marketplace.list', status: 200 },
  { method: 'GET', path: '/api/plugins/:name', procedure: 'plugins.get', status: 200 },
  { method: 'DELETE', path: '/api/plugins/:name', procedure: 'plugins.uninstall', status: 200 },
  { method: 'POST', path: '/api/plugins/:name/activate', procedure: 'plugins.activate', status: 200 },
  { method: 'POST', path: '/api/plugins/:name/deactivate', procedure: 'plugins.deactivate', status: 200 },
  { method: 'POST', path: '/api/plugins/:name/restart', procedure: 'plugins.restart', status: 200 },
  { method: 'POST', path: '/api/plugins/:name/rollback', procedure: 'plugins.rollback', status: 200 },
  { method: 'GET', path: '/api/plugins/:name/config', procedure: 'plugins.config', status: 200 },
  { method: 'PUT', path: '/api/plugins/:name/config', procedure: 'plugins.updateConfig', status: 200 },
  { method: 'GET', path: '/api/plugins/:name/logs', procedure: 'plugins.logs', status: 200 },
  { method: 'GET', path: '/api/plugins/:name/doctor', procedure: 'plugins.doctor', status: 200 },
  { method: 'GET', path: '/api/plugins/:name/metrics', procedure: 'analytics.metrics', status: 200 },
  { method: 'GET', path: '/api/plugins/:name/analytics', procedure: 'analytics.get', status: 200 },
  { method: 'GET', path: '/api/isolation', procedure: 'isolation.get', status: 200 },
  { method: 'POST', path: '/api/isolation/probe', procedure: 'isolation.probe', status: 200 },
  { method: 'GET', path: '/api/settings', procedure: 'settings.get', status: 200 },
  { method: 'PATCH', path: '/api/settings', procedure: 'settings.update', status: 200 },
  { method: 'POST', path: '/api/auth/login', procedure: 'auth.login', status: 200 },
  { method: 'POST', path: '/api/auth/logout', procedure: 'auth.logout', status: 200 },
  { method: 'GET', path: '/api/auth/session', procedure: 'auth.session', status: 200 },
  { method: 'POST', path: '/api/auth/login-code', procedure: 'auth.createLoginCode', status: 200 },
  { method: 'GET', path: '/api/health', procedure: 'health', status: 200 },
];
