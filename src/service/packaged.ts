/** Where packages put units for every user, and `systemctl --global enable` its links. */
export const PACKAGED: readonly string[] = [
  '/etc/systemd/user',
  '/usr/local/lib/systemd/user',
  '/usr/lib/systemd/user',
];
