import type { Effect } from './fleet-model.js'

export interface Kind {
  readonly name: string
  /** Undefined: that of the bundle before. */
  readonly effect?: Effect
  /** Part of the truth that its forecast says. Undefined: it was published without one. */
  readonly foreseen?: number
}

const everywhere = (share: number): Effect => ({
  blocks: { offices: share, phones: share, guests: share, servers: share }
})

const login = 'login.corp.example'

/** Bundles that must not go beyond the canaries. */
export const BAD: readonly Kind[] = [
  { name: 'too wide: 10% more blocked', effect: everywhere(0.1) },
  { name: 'too wide: 3% more blocked, forecast 0', effect: everywhere(0.03), foreseen: 0 },
  { name: 'empty', effect: { keeps: 0 } },
  { name: 'empty, forecast 0', effect: { keeps: 0 }, foreseen: 0 },
  { name: 'half of the bans lost', effect: { keeps: 0.4 } },
  { name: 'for the wrong network', effect: { keeps: 0.1, blocks: { phones: 0.1 } } },
  { name: 'blocks a popular name', effect: everywhere(0.06) },
  {
    name: 'blocks a login of the offices, 100% of it',
    effect: { blocks: { offices: 0.06 } },
    foreseen: 0
  },
  { name: 'blocks one network', effect: { blocks: { guests: 0.97 } } },
  { name: 'blocks a small network', effect: { blocks: { servers: 0.9 } } },
  { name: 'slow: 5 times', effect: { slows: 5 } },
  { name: 'SERVFAIL 5%', effect: { servfail: 0.05 } },
  { name: 'refused by one gateway', effect: { refused: 1 } },
  { name: 'kills every gateway', effect: { kills: 1 } },
  { name: 'kills half of the gateways', effect: { kills: 0.5 } },
  { name: 'kills one gateway in ten', effect: { kills: 0.1 } },
  { name: 'leaks: gateways die one after another', effect: { leaks: 0.005 } },
  { name: 'restarts, each gateway every hour', effect: { restarts: 1 / 60 } },
  { name: 'one gateway restarts again and again', effect: { restarts: 0.5, restarting: 1 } },
  {
    name: 'policy tests fail in some gateways',
    effect: { breaks: { part: 0.06, problems: ['POLICY_TESTS_FAILING'] } }
  },
  {
    name: 'blocks an intranet login of the offices, 3% of lookups, by an alias',
    effect: { names: [{ name: login, network: 'offices', share: 0.06 }] },
    foreseen: 1
  },
  {
    name: 'the same with 0.5% of lookups',
    effect: { names: [{ name: login, network: 'offices', share: 0.01 }] },
    foreseen: 1
  },
  {
    name: 'the same with 0.2% of lookups, in one small network',
    effect: { names: [{ name: login, network: 'servers', share: 0.04 }] },
    foreseen: 1
  },
  {
    name: 'blocks a name that must resolve, which few ask for',
    effect: { names: [{ name: login, network: 'offices', share: 0.0002, is: 'must-resolve' }] },
    foreseen: 1
  },
  {
    name: 'blocks a popular name by an alias beside names that it lists',
    effect: {
      names: [
        { name: 'app.example', network: 'phones', share: 0.02, is: 'listed' },
        { name: 'cdn-customer.example', network: 'phones', share: 0.01 }
      ]
    },
    foreseen: 1
  }
]

/** Good bundles, in turn. */
export const GOOD: readonly Kind[] = [
  { name: 'the same rules', effect: {}, foreseen: 1 },
  { name: 'a small ban', effect: { blocks: { phones: 0.003 } }, foreseen: 1 },
  { name: 'a popular app', effect: everywhere(0.02), foreseen: 1.15 },
  { name: 'a popular app, too high a forecast', effect: everywhere(0.02), foreseen: 1.35 },
  { name: 'an app for one network', effect: { blocks: { offices: 0.03 } }, foreseen: 0.9 },
  { name: 'without a forecast, nothing changes' },
  {
    name: 'without a forecast, a small ban more than before',
    effect: { blocks: { offices: 0.035, phones: 0.005, guests: 0.005, servers: 0.005 } }
  },
  { name: 'a ban that ends', effect: { keeps: 0.8 }, foreseen: 0.9 },
  { name: 'a ban that ends, without a forecast', effect: { keeps: 0.9 } },
  { name: 'a new list', effect: everywhere(0.01), foreseen: 0.8 },
  {
    name: 'a ban of popular names, which it lists',
    effect: {
      names: [
        { name: 'app.example', network: 'phones', share: 0.03, is: 'listed' },
        { name: 'www.app.example', network: 'offices', share: 0.01, is: 'listed' }
      ]
    },
    foreseen: 1
  },
  {
    name: 'it blocks an alias that few ask for',
    effect: { names: [{ name: 'rare.example', network: 'guests', share: 0.002 }] },
    foreseen: 1
  }
]
