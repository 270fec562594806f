"""The record of what a process has loaded: whether it was all real data, and which downloads failed."""

from dataclasses import dataclass, field


@dataclass
class Session:
    """The record that ``load`` keeps in one process; it decides ``is_full``.

    Attributes:
        all_full: whether ``load`` has returned whole real data sets only.
        failed_downloads: data set → the reason; these downloads are not tried again.
    """

    all_full: bool = True
    failed_downloads: dict[str, str] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget what was loaded and what failed: the next ``load`` tries a failed download again."""
        self.all_full = True
        self.failed_downloads.clear()


session = Session()
