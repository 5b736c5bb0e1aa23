const SEVERE =
  /^(STOPPING|WORKER_\w+|RULES_REFUSED|RELOAD_STUCK|LOG_UNWRITABLE|RECORDER_SILENT|UPSTREAMS_DOWN|UPSTREAMS_UNKNOWN|PROBE_FAILING)$/

/** Whether a gateway with this problem is not ready for clients: `PROBLEMS` of src/gateway/status/health.ts. */
export const isSevere = (code: string): boolean => SEVERE.test(code)
