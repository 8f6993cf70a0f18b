// PM2: `pm2 start ecosystem.config.cjs`. The supervisor runs its own children, so PM2 keeps one process.
module.exports = {
  apps: [
    {
      name: 'face-search-worker',
      script: 'dist/supervisor.js',
      // .env and GALLERY_DIR are read relative to this folder.
      cwd: __dirname,
      // One supervisor a machine; it forks one child a GPU itself.
      instances: 1,
      exec_mode: 'fork',
      // Online once the first child takes jobs, not when the process exists ...
      wait_ready: true,
      // ... which loading the models on a cold GPU can delay.
      listen_timeout: 120000,
      // SIGINT, then SIGKILL after this: above SHUTDOWN_TIMEOUT_MS (25 s) and the 5 s that children get beyond it.
      kill_timeout: 35000,
      // PM2 signals the supervisor alone; it ends its children in order.
      treekill: false,
      // 66, 69, 78: models, provider or configuration are missing; starting again does not mend that. Not 0:
      // PM2 takes an end by a signal (SIGKILL, out of memory) for code 0, and would leave the machine idle.
      stop_exit_codes: [66, 69, 78],
      // A supervisor that keeps dying is started again ever more slowly, up to 15 s.
      exp_backoff_restart_delay: 200,
      // The log is JSON lines that carry their own time.
      merge_logs: true,
    },
  ],
};
