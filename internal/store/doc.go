// Package store keeps the state of the pool on disk, so that counts, rests and what was learned of models outlive the
// process: one SQLite file, freefall.db, in a folder of its own.
//
// Serving matters more than the file. A Store therefore never fails: when the folder cannot be written, is in use by
// another process, or holds the file of a newer freefall, the state is in memory only, a warning says so and what to do,
// and the Store tries again every few seconds. A file that is damaged, or that is somebody else's, is set aside.
//
// Beside the state of the moment the file keeps a history: what came of the attempts at each model, by hour, for 30 days.
// Attempts are counted in memory; what was counted since the last write is added to the file. Without a file the memory holds
// the 30 days, within bounds.
//
// Nothing waits for the disk: the pool is asked for its state twice a second by a goroutine of the Store, which writes
// what has changed. Even a kill -9 loses no more than what the last second brought.
package store
