"""What the API does with batches: create, get, list and cancel them."""

from engine.batches.batch_folder import BatchStore
from engine.batches.queue import BatchQueue
from engine.batches.schema import Batch, CreateBatchRequest, cannot_cancel
from engine.errors import ApiError, not_found
from engine.logs import current_request_id
from engine.storage.files import FileStore


class BatchService:
    """Changes batches on request, and tells the queue that answers them."""

    def __init__(self, store: BatchStore, files: FileStore, queue: BatchQueue) -> None:
        self._store = store
        self._files = files
        self._queue = queue

    def create(self, request: CreateBatchRequest) -> Batch:
        """Create a batch; its file is validated afterwards.

        Raises ApiError if the file is unknown, or was uploaded for something else.
        """
        param = "input_file_id"
        if not self._files.has(request.input_file_id):
            message = f"There is no file '{request.input_file_id}'."
            raise ApiError(400, message, code="file_not_found", param=param)
        purpose = self._files.get(request.input_file_id).purpose
        if purpose != "batch":
            message = f"The purpose of the file is '{purpose}': upload it with the purpose 'batch'."
            raise ApiError(400, message, code="invalid_purpose", param=param)
        batch = Batch(
            endpoint=request.endpoint,
            input_file_id=request.input_file_id,
            metadata=request.metadata,
            request_id=current_request_id() or None,
        )
        self._store.add(batch)
        self._queue.validate(batch)
        return batch

    def get(self, batch_id: str) -> Batch:
        """Return a batch. Raises a 404 if it is unknown."""
        if batch_id not in self._store.batches:
            raise not_found(f"There is no batch '{batch_id}'.", code="batch_not_found", param="id")
        return self._store.batches[batch_id]

    def all(self) -> list[Batch]:
        """Return all batches, the newest first."""
        return list(reversed(self._store.batches.values()))

    def cancel(self, batch_id: str) -> Batch:
        """Begin to cancel a batch: what is answered by then is kept. Raises ApiError if it has ended."""
        batch = self.get(batch_id)
        if batch.has_status("validating", "in_progress"):
            batch.change("cancelling")
            self._queue.cancel(batch)  # first: it must end even if the disk is full
            self._store.save(batch)
        elif not batch.has_status("cancelling"):
            raise cannot_cancel(batch)
        return batch
