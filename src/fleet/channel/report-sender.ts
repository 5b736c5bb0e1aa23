import type { LookupFunction } from 'node:net'
import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { FleetReportsConfig } from '../../gateway/config/fleet-config.js'
import { download } from '../../sources/http/download.js'
import { readCredentials, signReport } from './credentials.js'
import type { Report } from './wire.js'

const TIMEOUT: Milliseconds = 30_000
const MAX_REPLY: Octets = 4096

/** Sends reports by HTTPS, from a site that allows nothing else. */
export class ReportSender {
  private isSending = false

  constructor(
    private readonly reports: FleetReportsConfig,
    private readonly lookup: LookupFunction
  ) {}

  /**
   * @returns false: the report before is still on its way; this one is dropped, and the next one says the same
   * @throws InterdictError FLEET_REPORT, FLEET_CREDENTIALS
   */
  async send(report: Report): Promise<boolean> {
    if (this.isSending) return false
    const { url, credentials, caFile, proxy } = this.reports
    const { key } = readCredentials(credentials)
    this.isSending = true
    try {
      const ca =
        caFile === undefined
          ? undefined
          : (await readBoundedFile(caFile, MAX_SECRET_FILE)).toString()
      const body = signReport(report, key)
      const { lookup } = this
      await download(url, { lookup, ca, proxy, timeout: TIMEOUT, maxSize: MAX_REPLY, body })
      return true
    } catch (error) {
      throw failure('FLEET_REPORT', url, reasonOf(error, url))
    } finally {
      this.isSending = false
    }
  }
}
