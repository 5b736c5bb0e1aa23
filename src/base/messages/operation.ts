/** Of starting, asking and commanding. See `../error.ts`. */
export const OPERATION = {
  // gateway, cli
  COOKIE_SECRET: (found: string) =>
    `found ${found}, wanted one to four secrets of 32 hexadecimal digits, one a line`,
  COOKIE_SECRETS_UNREADABLE: (file: string, why: string) =>
    `file of cookie secrets ${file} cannot be read: ${why}`,
  ADMIN_SOCKET: (path: string, why: string) => `cannot open the admin socket ${path}: ${why}`,
  ADMIN_REQUEST: (why: string) => `admin request not understood: ${why}`,
  ADMIN_BUSY: (most: number) =>
    `${most} admin clients are being served: try again in a few seconds`,
  ADMIN_OFF: () =>
    'no admin socket: set admin.socket in the settings to a path, and restart the gateway',
  ADMIN_ABSENT: (path: string, why: string) =>
    `no gateway at the admin socket ${path}: ${why}; is interdict serve running, with these settings?`,
  ADMIN_PERMISSION: (path: string) =>
    `not permitted to use the admin socket ${path}: be the user that the gateway runs as, or root`,
  ADMIN_TIMEOUT: (path: string, timeout: number) =>
    `no answer at the admin socket ${path} within ${timeout} ms: try again with a longer --timeout`,
  ADMIN_REPLY: (path: string, why: string) =>
    `no proper answer at the admin socket ${path}: ${why}; is an Interdict of this version there?`,
  ADMIN_WORKERS: (workers: string, missing: string) =>
    `no answer in time from worker ${workers}, ${missing}: try again`,
  GATEWAY_RESTLESS: () => 'rule files keep changing while they are read',
  CLI_OUTPUT: (file: string, why: string) => `cannot write ${file}: ${why}`,
  CLI_SERVICE_LOG: (path: string, why: string) => `cannot open the service log ${path}: ${why}`
} as const
