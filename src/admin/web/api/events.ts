/** A server-sent event. HTML, "Server-sent events" */
export interface ServerEvent {
  readonly type: string
  readonly data: string
}

/** Parses a stream of server-sent events, in whatever parts it arrives. */
export class EventParser {
  private rest = ''

  /** @returns the events that are complete now; comments are left out */
  push(text: string): ServerEvent[] {
    const blocks = (this.rest + text).replaceAll('\r\n', '\n').split('\n\n')
    this.rest = blocks.pop()!
    return blocks.flatMap(block => {
      const lines = block.split('\n')
      const valuesOf = (name: string): string[] =>
        lines
          .filter(line => line.startsWith(`${name}:`))
          .map(line => line.slice(name.length + 1).replace(/^ /, ''))
      const data = valuesOf('data')
      return data.length === 0
        ? []
        : [{ type: valuesOf('event').at(-1) ?? 'message', data: data.join('\n') }]
    })
  }
}
