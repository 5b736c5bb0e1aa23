import type { Account, Export, Import, Permissions, UserPermissionsLimits } from '@nats-io/jwt'
import {
  atHub,
  BLOCKED_SUBJECT,
  BUNDLES_STORE,
  ENROL_SUBJECT,
  inboxOf,
  LOGS_SUBJECT,
  REPORT_SUBJECT,
  ringSubject,
  RINGS_BUCKET,
  UPLOAD_SUBJECT,
  WITNESS_SUBJECT
} from '../channel/wire.js'

/**
 * What each account of NATS may do. Permissions alone do not suffice: NATS checks the subject of a message, not its reply
 * subject, on which whoever answers publishes with their own rights, anywhere in the account of the requester. Hence each
 * gateway has an account in which nobody else is. Of the hub's account it imports its own subjects and nothing else, and in
 * place of a reply subject the hub sees one that NATS has made.
 */

/** Without limits. */
const UNLIMITED = -1
export const HUB_LIMITS = {
  ...{ subs: UNLIMITED, data: UNLIMITED, payload: UNLIMITED, imports: UNLIMITED },
  ...{ exports: UNLIMITED, wildcards: true, conn: UNLIMITED, leaf: 0 }
}
/** JetStream, which the hub alone has. */
const STORAGE = {
  ...{ mem_storage: UNLIMITED, disk_storage: UNLIMITED },
  ...{ streams: UNLIMITED, consumer: UNLIMITED }
}
/** No exports, no leaf nodes, no JetStream. */
const GATEWAY_LIMITS = {
  ...{ subs: 20, conn: 4, payload: 1024 * 1024, data: UNLIMITED, imports: 12, exports: 0 },
  ...{ leaf: 0, wildcards: true }
}
/** Any number of gateways may enrol at once. */
const ENROL_LIMITS = { ...GATEWAY_LIMITS, conn: UNLIMITED, payload: 4096 }

const DIRECT = '$JS.API.DIRECT.GET'
const storedRing = (ring: string): string => `${DIRECT}.KV_${RINGS_BUCKET}.${ringSubject(ring)}`
/** Descriptions of bundles, by name; and their chunks, by a number in the body. All gateways may read all bundles. */
const BUNDLE_INFO = `${DIRECT}.OBJ_${BUNDLES_STORE}.$O.${BUNDLES_STORE}.M.*`
const BUNDLE_CHUNKS = `${DIRECT}.OBJ_${BUNDLES_STORE}`
/** Subjects on which a gateway sends to the hub. */
const TO_HUB = [REPORT_SUBJECT, LOGS_SUBJECT, UPLOAD_SUBJECT, WITNESS_SUBJECT, BLOCKED_SUBJECT]

/** How long NATS waits for a reply, in nanoseconds: it remembers each request for that time. */
const RESPONSE_TIME = 5e9
/** A countersigned line is written to disk first, and so is the last chunk of a log file. */
const SLOW_RESPONSE_TIME = 10e9

/** The account of the hub. Its exports do not depend on the number of gateways. */
export function hubClaims(): Partial<Account> {
  const read = (name: string, subject: string): Export => ({
    ...{ name, subject, type: 'service', response_type: 'Singleton' },
    response_threshold: RESPONSE_TIME
  })
  /** The last token must be the key of the importing account. */
  const sent = (subject: string): Export => ({
    ...{ name: subject, subject: atHub(subject, '*'), type: 'service', response_type: 'Singleton' },
    response_threshold: SLOW_RESPONSE_TIME,
    account_token_position: subject.split('.').length + 1
  })
  return {
    limits: { ...HUB_LIMITS, ...STORAGE },
    exports: [
      read('ring', storedRing('*')),
      read('bundle-info', BUNDLE_INFO),
      read('bundle-chunks', BUNDLE_CHUNKS),
      ...[...TO_HUB, ENROL_SUBJECT].map(sent),
      { name: 'rings', subject: ringSubject('*'), type: 'stream' }
    ]
  }
}

/** @param hub public key of the hub's account @param account public key of the gateway's */
export function gatewayClaims(hub: string, account: string, ring: string): Partial<Account> {
  const read = (name: string, subject: string): Import => {
    return { name, subject, type: 'service', account: hub }
  }
  return {
    limits: GATEWAY_LIMITS,
    imports: [
      read('ring', storedRing(ring)),
      read('bundle-info', BUNDLE_INFO),
      read('bundle-chunks', BUNDLE_CHUNKS),
      ...TO_HUB.map(subject => sender(hub, account, subject)),
      { name: 'rings', subject: ringSubject(ring), type: 'stream', account: hub }
    ]
  }
}

/** The account of all that enrol. @param revoked times by public key of a user, in seconds since 1970 */
export function enrolmentClaims(
  hub: string,
  account: string,
  revoked: Readonly<Record<string, number>>
): Partial<Account> {
  return {
    limits: ENROL_LIMITS,
    imports: [sender(hub, account, ENROL_SUBJECT)],
    revocations: { ...revoked }
  }
}

/** The account of a revoked gateway: nobody connects, and nothing is imported. @param now seconds since 1970 */
export function revokedClaims(now: number): Partial<Account> {
  return { limits: { ...GATEWAY_LIMITS, conn: 0 }, revocations: { '*': now } }
}

/** Appends the key of the account to a subject. */
function sender(hub: string, account: string, subject: string): Import {
  return {
    ...{ name: subject, subject: atHub(subject, account), local_subject: subject },
    ...{ type: 'service', account: hub }
  }
}

/** Permissions of a gateway in its own account: what it imports, as a second line of defence. */
export function gatewayUser(name: string, ring: string): Partial<UserPermissionsLimits> {
  return userOf(
    [storedRing(ring), BUNDLE_INFO, BUNDLE_CHUNKS, ...TO_HUB],
    [`${inboxOf(name)}.>`, ringSubject(ring)]
  )
}

/** The account is shared, so the inbox has a random name. */
export const enrolmentUser = (id: string): Partial<UserPermissionsLimits> =>
  userOf([ENROL_SUBJECT], [`${inboxOf(id)}.>`])

export function userOf(publish: string[], subscribe: string[]): Partial<UserPermissionsLimits> {
  const permissions: Permissions = {
    pub: { allow: publish, deny: [] },
    sub: { allow: subscribe, deny: [] }
  }
  return { ...permissions, allowed_connection_types: ['STANDARD'] }
}
