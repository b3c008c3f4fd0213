"""Start the emulator with every known difference from AWS mended: `python -m local.cloud.launcher` in the cloud's own environment.

Settings come from the environment, as local/cloud/server.py sets them: `GATEWAY_PORT`, `SFTP_PORT`, `AUTH`, `USE_SSL`, `MINISTACK_SSL_CERT`,
`MINISTACK_SSL_KEY`, `AWS_CA_BUNDLE`, `PERSIST_STATE`, `S3_PERSIST`, `STATE_DIR`, `S3_DATA_DIR`, `TMPDIR`, for the trail
`FIRSTCARD_TRAIL_FILE` (path of the append-only record file) and `FIRSTCARD_TRAIL_SECONDS` (time between two deliveries), and `FIRSTCARD_MENDED` (0: start it as it is, which only the tests want).
"""

from __future__ import annotations

import os


def main() -> None:
    """Mend the emulator, then serve until SIGTERM or SIGINT."""
    os.environ["BIND_HOST"] = "127.0.0.1"
    os.environ["SFTP_HOST"] = "127.0.0.1"
    os.environ["IOT_MTLS_ENABLED"] = "0"
    os.environ["CLOUDTRAIL_RECORDING"] = "0"
    os.environ.setdefault("MINISTACK_HOST", "localhost")
    from local.cloud.emulator import mend

    mend(all_of_it=os.environ.get("FIRSTCARD_MENDED") != "0")
    import ministack.app

    ministack.app.main()


if __name__ == "__main__":
    main()
