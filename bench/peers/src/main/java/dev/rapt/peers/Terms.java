// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers;

import dev.rapt.peers.contest.Restraint;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * On what terms everybody takes part.
 *
 * @param restraint the instructions they are held to
 * @param onnxRuntime a folder with ONNX Runtime's libraries; null = those of its jar
 */
record Terms(Restraint restraint, @Nullable Path onnxRuntime) {}
