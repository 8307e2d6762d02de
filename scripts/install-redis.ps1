# Redis on Windows: says what there is. The lab works without one: step 5 has a broker built in.
#
#   powershell -ExecutionPolicy Bypass -File scripts\install-redis.ps1

foreach ($name in "memurai", "redis-server", "valkey-server") {
    $found = Get-Command $name -ErrorAction SilentlyContinue
    if ($found) {
        Write-Output "nothing to do: $($found.Source) is installed"
        exit 0
    }
}

Write-Output "Redis has no Windows edition of its own. You can choose:"
Write-Output "  1. nothing:  cargo run --bin step5_broker   starts the broker that is built in"
Write-Output "  2. WSL2:     wsl --install, then in Linux: sudo apt-get install redis-server"
Write-Output "  3. Memurai:  winget install Memurai.MemuraiDeveloper"
