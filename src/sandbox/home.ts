/**
 * What is known of the folders of users: what is nobody's business in a sandbox, and where package managers keep what they
 * have downloaded. Paths are below the home, unless they are absolute. Data only; the agents' own are in agents/.
 */

/** Keys, logins, what browsers know, and sockets of those who would do anything outside. */
export const SECRET: readonly string[] = [
  // Keys and logins of services
  ...['.ssh', '.gnupg', '.aws', '.azure', '.kube', '.docker', '.oci', '.fly', '.s3cfg', '.boto', '.pki'],
  ...['.config/gcloud', '.config/gh', '.config/hub', '.config/glab-cli', '.config/doctl', '.config/rclone'],
  ...['.config/heroku', '.config/op', '.config/sops', '.config/age', '.config/containers/auth.json'],
  ...['.git-credentials', '.config/git/credentials', '.netrc', '.pypirc', '.gem/credentials', '.vault-token'],
  ...['.cargo/credentials', '.cargo/credentials.toml', '.terraform.d/credentials.tfrc.json', '.pgpass'],
  ...['.my.cnf', '.mylogin.cnf', '.config/hcloud', '.config/stripe', '.config/netlify', '.config/wrangler'],
  // Keyrings and password managers
  ...['.local/share/keyrings', '.local/share/kwalletd', '.password-store', '.1password', '.config/1Password'],
  ...['.config/Bitwarden', '.config/keepassxc', '.electrum', '.bitcoin', '.ethereum'],
  ...['Library/Keychains', 'Library/Application Support/Bitwarden', 'Library/Group Containers'],
  // Browsers and mail
  ...['.mozilla', '.thunderbird', '.config/google-chrome', '.config/chromium', '.config/BraveSoftware'],
  ...['.config/microsoft-edge', '.config/opera', '.config/vivaldi', '.cache/mozilla', '.cache/google-chrome'],
  ...['.cache/chromium', '.cache/BraveSoftware', '.cache/thunderbird', 'snap', '.var/app'],
  ...['Library/Application Support/Google', 'Library/Application Support/Firefox', 'Library/Safari'],
  ...['Library/Application Support/BraveSoftware', 'Library/Application Support/Microsoft Edge'],
  ...['Library/Cookies', 'Library/Mail', 'Library/Messages'],
  // What was typed, and who may draw on the screen
  ...[
    '.bash_history',
    '.zsh_history',
    '.local/share/fish/fish_history',
    '.python_history',
    '.node_repl_history',
  ],
  ...['.psql_history', '.mysql_history', '.lesshst', '.Xauthority', '.ICEauthority'],
  // Sockets of containers
  ...['.colima', '.lima', '.rd', '.orbstack', '.local/share/containers/podman'],
  // Whatever instance of rasen it is
  ...['.config/rasen', '.local/state/rasen'],
];

/** Of the system: sockets whose other end does what it is told, with more rights than the program in the sandbox. */
export const SECRET_OF_SYSTEM: readonly string[] = [
  ...[
    '/var/lib/lxd',
    '/var/lib/incus',
    '/var/snap',
    '/var/spool/cron',
    '/var/lib/docker',
    '/var/lib/containerd',
  ],
];

export interface Cache {
  /** Made where they are missing, if one of these programs is there. */
  programs: readonly string[];
  folders: readonly string[];
  /** Variables that name the folder where it is another one; `in`: the part of it that is the cache. */
  variables?: readonly { name: string; in?: readonly string[] }[];
}

export const CACHES: readonly Cache[] = [
  { programs: ['sh'], folders: ['.cache', 'Library/Caches'], variables: [{ name: 'XDG_CACHE_HOME' }] },
  {
    programs: ['npm'],
    folders: ['.npm'],
    variables: [{ name: 'NPM_CONFIG_CACHE' }, { name: 'npm_config_cache' }],
  },
  { programs: ['pnpm'], folders: ['.local/share/pnpm/store', 'Library/pnpm/store'] },
  { programs: ['yarn'], folders: ['.yarn/berry'], variables: [{ name: 'YARN_CACHE_FOLDER' }] },
  { programs: ['bun'], folders: ['.bun/install/cache'] },
  { programs: ['deno'], folders: [], variables: [{ name: 'DENO_DIR' }] },
  { programs: ['pip', 'pip3'], folders: [], variables: [{ name: 'PIP_CACHE_DIR' }] },
  { programs: ['uv'], folders: ['.local/share/uv'], variables: [{ name: 'UV_CACHE_DIR' }] },
  {
    programs: ['cargo'],
    folders: ['.cargo/registry', '.cargo/git'],
    variables: [{ name: 'CARGO_HOME', in: ['registry', 'git'] }],
  },
  {
    programs: ['go'],
    folders: ['go/pkg'],
    variables: [{ name: 'GOPATH', in: ['pkg'] }, { name: 'GOMODCACHE' }, { name: 'GOCACHE' }],
  },
  { programs: ['mvn'], folders: ['.m2/repository'] },
  {
    programs: ['gradle'],
    folders: ['.gradle'],
    variables: [{ name: 'GRADLE_USER_HOME' }],
  },
  { programs: ['sbt'], folders: ['.ivy2', '.sbt/boot'] },
  { programs: ['dotnet'], folders: ['.nuget/packages'] },
  { programs: ['composer'], folders: ['.composer/cache'] },
  { programs: ['bundle', 'gem'], folders: ['.bundle/cache'] },
  { programs: ['mix'], folders: ['.hex'] },
  { programs: ['ccache'], folders: ['.ccache'], variables: [{ name: 'CCACHE_DIR' }] },
];

/**
 * Sockets of the user's session by the variables that name them: agents of keys, the bus, terminals and editors that run
 * what they are told. Nobody in a sandbox is told of them; most of them lie where nothing can be seen anyway.
 */
export const SOCKETS: readonly string[] = [
  ...['SSH_AUTH_SOCK', 'SSH_AGENT_PID', 'GPG_AGENT_INFO', 'DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR'],
  ...['DOCKER_HOST', 'CONTAINER_HOST', 'DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY', 'TMUX', 'STY', 'NVIM'],
  ...['VSCODE_IPC_HOOK_CLI', 'VSCODE_GIT_IPC_HANDLE', 'KITTY_LISTEN_ON', 'SWAYSOCK', 'I3SOCK'],
];
