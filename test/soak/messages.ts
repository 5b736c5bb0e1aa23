/** What the soak says to its gateway's process. */
export type GatewayOrder =
  | { readonly kind: 'start'; readonly file: string; readonly settings: string }
  /** Kills one worker, as an error that nobody catches does. */
  | { readonly kind: 'kill' }
  | { readonly kind: 'stop' }

/** What the gateway's process says. */
export type FromGateway =
  | { readonly kind: 'serving'; readonly port: number }
  | { readonly kind: 'rules'; readonly generation: number }
  /** The worker is gone, and its sockets are closed. */
  | { readonly kind: 'killed' }
  /** Another listens in its place. */
  | { readonly kind: 'replaced' }
  /** A warning or an error of the service log. */
  | { readonly kind: 'log'; readonly text: string }
