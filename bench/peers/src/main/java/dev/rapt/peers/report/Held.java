// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.report;

import java.util.Map;

/**
 * Instructions that everybody was held to.
 *
 * @param isa their set
 * @param kernels what the libraries of each process said they took, by the process's id
 */
public record Held(String isa, Map<String, String> kernels) {}
