/** Subjects that a gateway must not reach: what JetStream of NATS 2.10 listens on, and the subjects of the hub and of others. */

const STREAMS = [
  ...['KV_interdict-rings', 'OBJ_interdict-bundles', 'KV_interdict-hubs', 'interdict-live']
]
/** Requests of JetStream's API about a stream. */
const ABOUT_STREAM = [
  ...['CREATE', 'UPDATE', 'INFO', 'DELETE', 'PURGE', 'SNAPSHOT', 'RESTORE'],
  ...['MSG.DELETE', 'MSG.GET', 'PEER.REMOVE', 'LEADER.STEPDOWN']
].map(verb => `STREAM.${verb}`)
const ABOUT_CONSUMERS = ['CREATE', 'NAMES', 'LIST'].map(verb => `CONSUMER.${verb}`)
/** About one consumer. */
const ABOUT_CONSUMER = [
  ...['CREATE', 'DURABLE.CREATE', 'INFO', 'DELETE', 'PAUSE', 'MSG.NEXT', 'LEADER.STEPDOWN']
].map(verb => `CONSUMER.${verb}`)
const GENERAL = [
  ...['INFO', 'STREAM.NAMES', 'STREAM.LIST', 'STREAM.TEMPLATE.NAMES', 'STREAM.TEMPLATE.LIST'],
  ...['STREAM.TEMPLATE.CREATE.x', 'STREAM.TEMPLATE.INFO.x', 'STREAM.TEMPLATE.DELETE.x'],
  ...['STREAM.CREATE.x', 'META.LEADER.STEPDOWN', 'SERVER.REMOVE']
]

export interface Others {
  /** Public keys of accounts. */
  readonly hub: string
  readonly enrolment: string
  readonly victim: string
  /** Name of the victim. */
  readonly name: string
}

export function targets({ hub, enrolment, victim, name }: Others): readonly string[] {
  const api = [
    ...GENERAL,
    ...STREAMS.flatMap(stream => [
      ...[...ABOUT_STREAM, ...ABOUT_CONSUMERS].map(request => `${request}.${stream}`),
      ...ABOUT_CONSUMER.map(request => `${request}.${stream}.c`)
    ]),
    ...['DIRECT.GET.interdict-live', `DIRECT.GET.interdict-live.interdict.live.${name}`],
    ...[`ACCOUNT.PURGE.${hub}`, `ACCOUNT.STREAM.MOVE.${hub}.KV_interdict-rings`]
  ]
  const own = ['report', 'logs', 'upload', 'witness', 'blocked'].map(one => `interdict.${one}`)
  return [
    ...api.map(request => `$JS.API.${request}`),
    ...['$KV.interdict-rings.all', '$KV.interdict-rings.canary', '$KV.interdict-rings.new'],
    ...['$KV.interdict-hubs.register', '$KV.interdict-hubs.member.x'],
    ...['$O.interdict-bundles.M.eA==', '$O.interdict-bundles.C.x', `interdict.live.${name}`],
    ...own.map(subject => `${subject}.${victim}`),
    `interdict.enrol.${enrolment}`,
    ...[`_INBOX.${name}.x`, '_INBOX.hub.x', '_R_.x', '_R_.x.y', '_GR_.x.y.z'],
    ...['$JS.ACK.KV_interdict-rings.c.1.1.1.1.0', '$JS.FC.KV_interdict-rings.c.x', '$JSC.R.x'],
    ...['$NRG.AE.x', '$NRG.V.x', '$NRG.P.x', '$NRG.RP.x', '$MQTT.sess.x', '$SYS.REQ.CLAIMS.UPDATE'],
    ...['$SYS.REQ.CLAIMS.DELETE', `$SYS.REQ.ACCOUNT.${hub}.CLAIMS.UPDATE`, '$SYS.REQ.SERVER.PING'],
    ...[`$SYS.REQ.ACCOUNT.${victim}.CLAIMS.UPDATE`, `$SYS.ACCOUNT.${hub}.CONNECT`]
  ]
}
