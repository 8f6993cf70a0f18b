// PM2: `pm2 start ecosystem.config.cjs`. The supervisor forks its own children, so PM2 runs one process.
module.exports = {
  apps: [
    {
      name: 'face-search-worker',
      script: 'dist/supervisor.js',
      // .env and a relative GALLERY_DIR are resolved from this folder.
      cwd: __dirname,
      // One supervisor per machine. It forks one child per GPU.
      instances: 1,
      exec_mode: 'fork',
      // Online once the first child takes jobs ...
      wait_ready: true,
      // ... which can take long while models load on a cold GPU.
      listen_timeout: 120000,
      // SIGKILL follows SIGINT after this time: longer than SHUTDOWN_TIMEOUT_MS (25 s) plus the 5 s until children are killed.
      kill_timeout: 35000,
      // PM2 signals only the supervisor, which drains its children.
      treekill: false,
      // Missing models, unavailable provider, invalid configuration: a restart cannot fix these. Not 0, because PM2
      // treats an exit by a signal (SIGKILL, out of memory) as code 0 and would leave the machine idle.
      stop_exit_codes: [66, 69, 78],
      // The delay grows up to 15 s while the supervisor keeps crashing.
      exp_backoff_restart_delay: 200,
      // The log lines contain their own time stamps.
      merge_logs: true,
    },
  ],
};
