import { COVER, type NameSink, type NameSource, type RecordNode } from '../model/types.js'

/** The names of a network's local data that are written in one file. */
export class RecordSource implements NameSource {
  readonly kind = 'record'
  readonly bounds: NameSource['bounds']

  constructor(
    readonly id: string,
    readonly title: string,
    readonly file: string,
    readonly nodes: readonly RecordNode[]
  ) {
    const octets = nodes.reduce((sum, { name }) => sum + name.length, 0)
    this.bounds = { names: nodes.length, octets }
  }

  writeTo(sink: NameSink): void {
    for (const { name, cover, line } of this.nodes)
      sink.name(name, 0, name.length, COVER[cover], line)
  }
}
