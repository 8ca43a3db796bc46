# Template: `npm run package` fills in the marks between @ signs and writes out/rasen.rb.
class Rasen < Formula
  desc "Supervisor for long-running coding tasks that survives crashes and restarts"
  homepage "@HOMEPAGE@"
  url "@URL@"
  version "@VERSION@"
  sha256 "@SHA256@"
  license "MIT"

  depends_on "node@24"

  def install
    # Without the runtime of its own (an optional dependency): Homebrew's node stays at one path through its upgrades,
    # and macOS grants access to folders by the path of the program.
    system "npm", "install", *std_npm_args, "--omit=optional"
    package = libexec/"lib/node_modules/rasen"
    %w[rasen rasend].each do |name|
      (bin/name).write_env_script package/"bin"/name, PATH: "#{Formula["node@24"].opt_bin}:$PATH"
    end
    man1.install_symlink package/"man/rasen.1"
    man1.install_symlink package/"man/rasen-mcp.1"
    man5.install_symlink package/"man/rasen.yml.5"
    %w[agents overnight protocol].each { |page| man7.install_symlink package/"man/rasen-#{page}.7" }
    man8.install_symlink package/"man/rasend.8"
    man8.install_symlink package/"man/rasen-gateway.8"
    bash_completion.install_symlink package/"packaging/completions/rasen.bash" => "rasen"
    zsh_completion.install_symlink package/"packaging/completions/_rasen"
    fish_completion.install_symlink package/"packaging/completions/rasen.fish"
  end

  def caveats
    <<~EOS
      To have rasend start when you log in, use `brew services start rasen`. The job of
      `rasen service install` would name the folder of this version, which goes with
      the next upgrade.
    EOS
  end

  service do
    run [opt_bin/"rasend"]
    keep_alive true
    # Everything else lets launchd throttle rasend and all of its tasks.
    process_type :interactive
    environment_variables PATH: std_service_path_env, LANG: "en_US.UTF-8", NODE_ENV: "production", RASEN_SERVICE: "user"
    # What it says before it has a log of its own.
    error_log_path var/"log/rasend.err.log"
  end

  test do
    ENV["RASEN_HOME"] = testpath/"h"
    assert_match version.to_s, shell_output("#{bin}/rasen --version")
    assert_match "hello", shell_output("#{bin}/rasen run -- echo hello")
  ensure
    pid = testpath/"h/run/rasend.pid"
    Process.kill("TERM", pid.read.to_i) if pid.exist?
  end
end
