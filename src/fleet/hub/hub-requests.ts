import type { Msg, NatsConnection } from '@nats-io/transport-node'
import {
  atHub,
  BLOCKED_SUBJECT,
  ENROL_SUBJECT,
  LOGS_SUBJECT,
  REPORT_SUBJECT,
  UPLOAD_SUBJECT,
  WITNESS_SUBJECT
} from '../channel/wire.js'
import type { LogIntake } from './log-intake.js'

/** What the hub does with messages of gateways. The name of a gateway is that of its account, never from a message. */
export interface RequestHandlers {
  /** False: another hub answers. Reports are taken all the same, to know the gateways when this one takes over. */
  leads(): boolean
  /** The gateway with an account; undefined: none, or revoked. */
  nameOf(account: string): string | undefined
  report(gateway: string, octets: Uint8Array): void
  /** @returns the reply */
  enrol(octets: Uint8Array): Promise<Uint8Array>
  /** @returns the reply */
  countersign(gateway: string, octets: Uint8Array): Uint8Array
  blocked(gateway: string, octets: Uint8Array): void
}

type Answer = (gateway: string, message: Msg) => Uint8Array | string | Promise<Uint8Array | string>

/** Reply subjects that NATS makes for requests of other accounts. */
const REPLY = '_R_.'

/**
 * Serves the requests of gateways on a connection.
 *
 * @param enrolment public key of the account of enrolment
 * @param intake undefined: no logs are collected
 */
export function serveRequests(
  connection: NatsConnection,
  enrolment: string,
  handlers: RequestHandlers,
  intake: LogIntake | undefined
): void {
  const listen = (subject: string, act: (gateway: string, message: Msg) => void): void => {
    connection.subscribe(atHub(subject, '*'), {
      callback: (_error, message) => {
        const gateway = handlers.nameOf(message.subject.slice(subject.length + 1))
        if (gateway !== undefined) act(gateway, message)
      }
    })
  }
  const serve = (subject: string, answer: Answer): void =>
    listen(subject, (gateway, message) => void reply(message, () => answer(gateway, message)))
  const reply = async (message: Msg, answer: () => ReturnType<Answer>): Promise<void> => {
    if (handlers.leads()) await respond(message, answer)
  }
  listen(REPORT_SUBJECT, (gateway, { data }) => handlers.report(gateway, data))
  listen(BLOCKED_SUBJECT, (gateway, { data }) => {
    if (handlers.leads()) handlers.blocked(gateway, data)
  })
  serve(WITNESS_SUBJECT, (gateway, { data }) => handlers.countersign(gateway, data))
  connection.subscribe(atHub(ENROL_SUBJECT, enrolment), {
    callback: (_error, message) => void reply(message, () => handlers.enrol(message.data))
  })
  if (intake === undefined) return
  serve(LOGS_SUBJECT, (gateway, { data }) => intake.present(gateway, data))
  serve(UPLOAD_SUBJECT, (gateway, message) => intake.take(gateway, message))
}

/**
 * Answers a request. Any other reply subject than one made by NATS was chosen by the sender, and the hub could publish there
 * what the sender may not: such requests are not carried out.
 */
async function respond(message: Msg, answer: () => ReturnType<Answer>): Promise<void> {
  if (message.reply?.startsWith(REPLY) === true) message.respond(await answer())
}
