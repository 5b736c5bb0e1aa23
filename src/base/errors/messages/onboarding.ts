/** Errors of bringing clients to encrypted DNS, and of its certificates. See `../error.ts`. */
export const ONBOARDING = {
  // onboard
  ONBOARD_NO_LISTENER: () =>
    'no listener with DNS over TLS or HTTPS that answers anonymous clients; add one to listen in the settings',
  ONBOARD_NO_NAME: () => 'no name for clients to verify; set discovery.name in the settings',
  ONBOARD_NOT_COVERED: (name: string, listener: string, files: string) =>
    `no certificate of ${listener} covers ${name}: ${files}`,
  ONBOARD_ADDRESS_NOT_COVERED: (file: string, addresses: string) =>
    `certificate ${file} does not cover ${addresses}: clients that know only the address will not verify the gateway (RFC 9462 §4.2)`,
  ONBOARD_NO_ADDRESS: (what: string) =>
    `no ${what} is known at which clients reach an encrypted listener; set discovery.addresses`,
  ONBOARD_NEEDS: (target: string, what: string) => `${target} needs ${what}`,
  ONBOARD_TOO_LONG: (length: number, limit: number) =>
    `the DHCPv4 option has ${length} bytes, more than the limit of ${limit}; use a shorter discovery.name or fewer addresses`,
  ONBOARD_SIGN: (certificate: string, key: string, why: string) =>
    `cannot sign the profile with ${certificate} and ${key}: ${why}`,

  // acme
  ACME_OFF: () => 'no ACME server to get certificates from; set acme.directory in the settings',
  ACME_FILES: (count: number) =>
    count === 0
      ? 'no listener has a certificate to renew; set acme.certificate and acme.key'
      : `the listeners have ${count} different certificates; set acme.certificate and acme.key to those to renew`,
  ACME_NAMES: () => 'no names for the certificate; set discovery.name or acme.names',
  ACME_FILE: (file: string, why: string) => `cannot read ${file}: ${why}`,
  ACME_TERMS: (url: string) =>
    `the ACME server has terms of service: read ${url}, then set acme.accept-terms`,
  ACME_SERVER: (url: string, why: string) =>
    `the ACME server ${url} did not issue a certificate: ${why}`,
  ACME_CHALLENGE: (name: string, why: string) =>
    `the ACME server did not accept the proof of control over ${name}: ${why}`,
  ACME_LISTEN: (endpoint: string, why: string) =>
    `cannot listen on ${endpoint} for the challenge http-01: ${why}`,
  ACME_HOOK: (command: string, why: string) => `${command} failed: ${why}`,
  ACME_BUSY: (holder: string) => `another "interdict certificate renew" is running (${holder})`,
  ACME_WRITE: (path: string, why: string) => `cannot write to ${path}: ${why}`
} as const
