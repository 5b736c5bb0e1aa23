import { StringDecoder } from 'node:string_decoder'
import { MAX_LINE } from './helper-protocol.js'

/** Splits a stream into lines of a limited length. */
export class RequestLines {
  private readonly decoder = new StringDecoder()
  private parts: string[] = []
  private length = 0

  constructor(private readonly onLine: (line: string) => void) {}

  /** Returns false if a line is too long. */
  read(chunk: Buffer): boolean {
    const [first = '', ...rest] = this.decoder.write(chunk).split('\n')
    this.add(first)
    for (const text of rest) {
      const line = this.parts.join('')
      this.parts = []
      this.length = 0
      this.onLine(line)
      this.add(text)
    }
    return this.length <= MAX_LINE
  }

  private add(text: string): void {
    this.parts.push(text)
    this.length += text.length
  }
}
