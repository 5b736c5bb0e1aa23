import { request } from 'node:http'
import { failure, InterdictError, ERROR_CODES, type ErrorCode } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'

type Query = Readonly<Record<string, string | number | undefined>>

/** The API of the hub on this machine. */
export class HubClient {
  /**
   * @param socket its path
   * @param timeout how long the hub may be silent
   */
  constructor(
    private readonly socket: string,
    private readonly timeout: Milliseconds
  ) {}

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return JSON.parse((await this.send('GET', path + searchOf(query))).toString()) as T
  }

  octets(path: string): Promise<Uint8Array> {
    return this.send('GET', path)
  }

  async post<T>(path: string, query: Query, body?: Uint8Array): Promise<T> {
    return JSON.parse((await this.send('POST', path + searchOf(query), body)).toString()) as T
  }

  /** @throws InterdictError HUB_SILENT, and the error of the hub */
  private send(method: string, path: string, body?: Uint8Array): Promise<Buffer> {
    const { socket, timeout } = this
    return new Promise((done, fail) => {
      const silent = (error: Error): void => fail(failure('HUB_SILENT', socket, reasonOf(error)))
      const outgoing = request({ socketPath: socket, method, path, timeout }, response => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('error', silent)
        response.on('end', () => {
          const octets = Buffer.concat(pieces)
          if (response.statusCode === 200) done(octets)
          else fail(errorOf(octets, socket))
        })
      })
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')))
      outgoing.on('error', silent).end(body)
    })
  }
}

function searchOf(query: Query): string {
  const given = Object.entries(query).flatMap(([key, value]): [string, string][] =>
    value === undefined ? [] : [[key, String(value)]]
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}

/** The error that the hub reports. */
function errorOf(octets: Buffer, socket: string): InterdictError {
  try {
    const { code, detail } = JSON.parse(octets.toString()) as { code: string; detail: string }
    const known = ERROR_CODES.find(one => one === code)
    if (known !== undefined) return new InterdictError<ErrorCode>(known, detail)
    return failure('HUB_SILENT', socket, detail)
  } catch {
    return failure('HUB_SILENT', socket, 'an invalid answer')
  }
}
