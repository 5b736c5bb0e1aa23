import { isIP, type LookupFunction } from 'node:net'
import { createTransport } from 'nodemailer'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { ReportMail, SmtpConfig } from '../../settings/report-config.js'
import { readSmtpFiles } from '../../settings/smtp-files.js'
import { contextTrusting } from '../../../wire/tls/trusting-context.js'

export interface MailMessage {
  /** Identifies the message: the same when it is sent again after a failure. */
  readonly id: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** Undefined: none. */
  readonly page?: { readonly name: string; readonly html: string }
}

export interface MailRoute {
  readonly smtp: SmtpConfig
  /** Name of the gateway, for EHLO: RFC 5321 §4.1.1.1. */
  readonly gateway: string
  /** Resolves the host name. */
  readonly lookup: LookupFunction
}

/**
 * Sends a message once, to all recipients in one transaction.
 *
 * @throws InterdictError REPORT_MAIL if nobody has got it, REPORT_RECIPIENT if only some have; SMTP_FILE
 */
export async function sendMail(
  { from, to }: ReportMail,
  { id, subject, text, html, page }: MailMessage,
  route: MailRoute
): Promise<void> {
  const { host } = route.smtp
  const transport = createTransport(await optionsOf(route))
  let rejected: readonly (string | { readonly address: string })[]
  try {
    const sent = await transport.sendMail({
      from,
      to: [...to],
      subject,
      text,
      html,
      messageId: `<${id}@${domainOf(from)}>`,
      // RFC 3834 §5: no vacation messages in reply.
      headers: { 'Auto-Submitted': 'auto-generated' },
      attachments: page
        ? [{ filename: page.name, content: page.html, contentType: 'text/html; charset=utf-8' }]
        : [],
      disableFileAccess: true,
      disableUrlAccess: true
    })
    rejected = sent.rejected
  } catch (error) {
    throw failure('REPORT_MAIL', host, reasonOf(error))
  } finally {
    transport.close()
  }
  if (rejected.length > 0) throw failure('REPORT_RECIPIENT', host, rejected.map(textOf).join(', '))
}

const textOf = (recipient: string | { readonly address: string }): string =>
  typeof recipient === 'string' ? recipient : recipient.address

async function optionsOf({ smtp, gateway, lookup }: MailRoute) {
  const { host, port, tls, user, timeout } = smtp
  const { password, ca } = readSmtpFiles(smtp)
  return {
    host: isIP(host) === 0 ? await addressOf(host, lookup) : host,
    port,
    ...(/^[A-Za-z0-9.-]+$/.test(gateway) ? { name: gateway } : {}),
    secure: tls === 'tls',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(user === undefined ? {} : { auth: { user, pass: password! } }),
    tls: {
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { secureContext: contextTrusting(ca) })
    },
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    dnsTimeout: timeout
  }
}

function addressOf(host: string, lookup: LookupFunction): Promise<string> {
  return new Promise((resolve, reject) =>
    lookup(host, { all: false }, (error, address) => {
      if (error === null) resolve(address as string)
      else reject(failure('REPORT_MAIL', host, reasonOf(error)))
    })
  )
}

/** The domain of an address, or of `Name <address>`. */
const domainOf = (address: string): string => address.replace(/^.*@/, '').replace(/>$/, '')
