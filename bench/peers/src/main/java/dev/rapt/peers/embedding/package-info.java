// SPDX-License-Identifier: Apache-2.0
/** The embedding job: a whole sentence encoder beside ONNX Runtime's run of the same model. */
package dev.rapt.peers.embedding;
